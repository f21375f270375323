/** Line and column from 1; a column counts UTF-16 units, as editors do. */
export type Position = { readonly line: number; readonly column: number };

export function positionAt(text: string, offset: number): Position {
  const end = Math.min(offset, text.length);
  let line = 1;
  let start = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) {
    line++;
    start = at + 1;
  }
  return { line, column: end - start + 1 };
}

export type SyntaxFault = { readonly offset: number; readonly message: string };
type Frame = { readonly list: boolean; index: number; key: string };

const space = /[ \t\n\r]*/y;
const numberToken = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const wordToken = /true|false|null/y;

/**
 * Walks over a JSON text without building anything, one token at a time and without recursion. It finds the first syntax fault, whose place
 * `JSON.parse` does not always tell, and the offset of the value under `path` (the last one when a key occurs twice, as `JSON.parse` takes).
 */
export function walkJson(text: string, path?: readonly (string | number)[]): { readonly fault?: SyntaxFault; readonly found?: number } {
  let at = 0;
  let found: number | undefined;
  const frames: Frame[] = [];
  const skip = () => {
    space.lastIndex = at;
    space.test(text);
    at = space.lastIndex;
  };
  const match = (token: RegExp): string | undefined => {
    token.lastIndex = at;
    const hit = token.exec(text)?.[0];
    if (hit !== undefined) at += hit.length;
    return hit;
  };
  const onPath = () =>
    path !== undefined && frames.length === path.length && frames.every((f, i) => (f.list ? f.index : f.key) === path[i]);
  const fail = (message: string) => ({ fault: { offset: at, message }, ...(found !== undefined && { found }) });

  const readKey = (): string | undefined => {
    const frame = frames.at(-1);
    if (!frame) return undefined;
    if (text[at] !== '"') return at >= text.length ? 'the text ends inside an object' : 'a key in double quotes is missing here';
    const end = endOfString(text, at);
    if (typeof end === 'string') return end;
    frame.key = JSON.parse(text.slice(at, end)) as string;
    at = end;
    skip();
    if (text[at] !== ':') return 'a colon is missing after the key';
    at++;
    return undefined;
  };

  for (;;) {
    skip();
    if (onPath()) found = at;
    const char = text[at];
    if (char === '{' || char === '[') {
      at++;
      skip();
      const close = char === '{' ? '}' : ']';
      if (text[at] !== close) {
        frames.push({ list: char === '[', index: 0, key: '' });
        const wrong = char === '{' ? readKey() : undefined;
        if (wrong) return fail(wrong);
        continue;
      }
      at++;
    } else if (char === '"') {
      const end = endOfString(text, at);
      if (typeof end === 'string') return fail(end);
      at = end;
    } else if (match(numberToken) === undefined && match(wordToken) === undefined) {
      if (char === undefined) return fail('the text ends where a value should be');
      return fail(char < ' ' ? 'a control character cannot begin a value' : `${JSON.stringify(char.toWellFormed())} cannot begin a value`);
    }
    // After a value: a comma, or the end of what encloses it.
    for (;;) {
      skip();
      const frame = frames.at(-1);
      if (!frame)
        return at < text.length ? fail('there is something after the end of the document') : { ...(found !== undefined && { found }) };
      const next = text[at];
      if (next === (frame.list ? ']' : '}')) {
        at++;
        frames.pop();
        continue;
      }
      if (next !== ',')
        return fail(next === undefined ? `the text ends inside ${frame.list ? 'a list' : 'an object'}` : 'a comma is missing here');
      at++;
      skip();
      if (frame.list) frame.index++;
      else {
        const wrong = readKey();
        if (wrong) return fail(wrong);
      }
      break;
    }
  }
}

/** Offset after the string that begins at `from`, or what is wrong with it. A loop, not a pattern: patterns over megabytes of escapes need a stack. */
function endOfString(text: string, from: number): number | string {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return 'the text in quotes that begins here has a line break or control character in it';
    if (code === 0x5c) {
      if (!/^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(text.slice(at + 1, at + 6)))
        return 'the text in quotes that begins here has an unknown escape';
      at++;
    }
  }
  return 'the text in quotes that begins here never ends';
}
