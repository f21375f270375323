/** `namespace:predicate="value"` or `namespace:predicate`, the form in which every taxonomy travels as a tag. */
export type MachineTag = { readonly namespace: string; readonly predicate: string; readonly value?: string };

/** The longest tag name MISP stores is 255 characters; twice that leaves room for others, and keeps hostile ones out of indexes. */
export const tagMaxChars = 512;

/**
 * Reads a machine tag, or undefined when the text is a free one. The namespace ends at the first colon, so that `tlp:ex:chr` has the predicate
 * `ex:chr`. Quotes inside the value are written `\"`, and a backslash `\\`.
 */
export function parseMachineTag(text: string): MachineTag | undefined {
  if (text.length > tagMaxChars) return undefined;
  const colon = text.indexOf(':');
  if (colon < 1) return undefined;
  const namespace = text.slice(0, colon);
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(namespace)) return undefined;
  const rest = text.slice(colon + 1);
  const equals = rest.indexOf('=');
  if (equals < 0) return isPredicate(rest) ? { namespace, predicate: rest } : undefined;
  const predicate = rest.slice(0, equals);
  const quoted = rest.slice(equals + 1);
  if (!isPredicate(predicate)) return undefined;
  if (quoted.length < 2 || !quoted.startsWith('"') || !quoted.endsWith('"')) return undefined;
  const value = unquote(quoted.slice(1, -1));
  return value === undefined ? undefined : { namespace, predicate, value };
}

/** Some published predicates are several words, and one ends in a space. A space in front means that the text is a sentence. */
export function isPredicate(text: string): boolean {
  return text !== '' && text === text.trimStart() && !/["=\u0000-\u001f\u007f]/.test(text);
}

export function printMachineTag(tag: MachineTag): string {
  const head = `${tag.namespace}:${tag.predicate}`;
  return tag.value === undefined ? head : `${head}="${tag.value.replace(/[\\"]/g, '\\$&')}"`;
}

/** MISP itself writes no escapes, and Windows paths occur in tags: a backslash before anything but a quote or backslash stands for itself. */
function unquote(text: string): string | undefined {
  let out = '';
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"') return undefined;
    const next = text.charAt(at + 1);
    if (char === '\\' && (next === '"' || next === '\\')) {
      out += next;
      at++;
    } else if (char === '\\' && next === '') return undefined;
    else out += char;
  }
  return out;
}
