import { patternMaxChars, patternMaxTokens } from './limits.ts';

export type Token = {
  readonly kind: 'word' | 'string' | 'number' | 'time' | 'bytes' | 'sign' | 'end';
  readonly text: string;
  readonly at: number;
};
/** Where a pattern stops making sense, as an offset into it. */
export type PatternFault = { readonly at: number; readonly message: string };
export class PatternError extends Error {
  readonly fault: PatternFault;
  constructor(at: number, message: string) {
    super(message);
    this.fault = { at, message };
  }
}

const wordToken = /[A-Za-z_][A-Za-z0-9_-]*/y;
const numberToken = /[+-]?\d+(?:\.\d+)?/y;
const signs = ['!=', '<>', '==', '<=', '>=', '=', '<', '>', '[', ']', '(', ')', ',', ':', '.', '*'];

/** Splits a STIX pattern into tokens, in one pass. Throws `PatternError`. */
export function tokenise(pattern: string): Token[] {
  if (pattern.length > patternMaxChars) throw new PatternError(0, `the pattern has more than ${patternMaxChars} characters`);
  const tokens: Token[] = [];
  let at = 0;
  while (at < pattern.length) {
    if (tokens.length >= patternMaxTokens) throw new PatternError(at, `the pattern has more than ${patternMaxTokens} parts`);
    const char = pattern.charAt(at);
    if (/\s/.test(char)) {
      at++;
      continue;
    }
    const prefixed = /[tbh]/.test(char) && pattern.charAt(at + 1) === "'";
    if (char === "'" || prefixed) {
      const read = readString(pattern, prefixed ? at + 1 : at);
      tokens.push({ kind: prefixed ? (char === 't' ? 'time' : 'bytes') : 'string', text: read.text, at });
      at = read.end;
      continue;
    }
    const number = match(numberToken, pattern, at);
    const word = number === undefined ? match(wordToken, pattern, at) : undefined;
    const sign = number === undefined && word === undefined ? signs.find((one) => pattern.startsWith(one, at)) : undefined;
    const text = number ?? word ?? sign;
    if (text === undefined) throw new PatternError(at, `${JSON.stringify(char)} has no meaning here`);
    tokens.push({ kind: number !== undefined ? 'number' : word !== undefined ? 'word' : 'sign', text, at });
    at += text.length;
  }
  tokens.push({ kind: 'end', text: '', at });
  return tokens;
}

function match(token: RegExp, text: string, at: number): string | undefined {
  token.lastIndex = at;
  return token.exec(text)?.[0];
}

/** Text in single quotes, where `\'` and `\\` are escapes. */
function readString(pattern: string, open: number): { text: string; end: number } {
  let text = '';
  for (let at = open + 1; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    if (char === "'") return { text, end: at + 1 };
    if (char !== '\\') text += char;
    else {
      const next = pattern.charAt(++at);
      text += next === "'" || next === '\\' ? next : `\\${next}`;
    }
  }
  throw new PatternError(open, 'the quoted text never ends');
}
