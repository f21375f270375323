/**
 * Reads the elements out of `nft -j list set` while it is printed: 100,000 elements are 8 MB of JSON, which parsed at once would need more
 * memory than the rest of the agent together. Only the array named "elem" is looked into; its parts are small and parsed one by one.
 */
export class ElementReader {
  #text = '';
  #at = 0;
  #inside = false;
  #done = false;

  /** Returns the elements that are complete after this piece of text. */
  push(piece: string): unknown[] {
    if (this.#done) return [];
    this.#text += piece;
    const found: unknown[] = [];
    if (!this.#inside) {
      const marker = /"elem": ?\[/.exec(this.#text);
      if (!marker) {
        // The marker may be cut in two by the end of the piece.
        this.#text = this.#text.slice(-16);
        return found;
      }
      this.#inside = true;
      this.#at = marker.index + marker[0].length;
    }
    for (;;) {
      while (this.#at < this.#text.length && /[\s,]/.test(this.#text[this.#at] ?? '')) this.#at++;
      if (this.#text[this.#at] === ']') {
        this.#done = true;
        break;
      }
      const end = endOfValue(this.#text, this.#at);
      if (end === undefined) break;
      found.push(JSON.parse(this.#text.slice(this.#at, end)));
      this.#at = end;
    }
    this.#text = this.#text.slice(this.#at);
    this.#at = 0;
    // One element is an address and two times.
    if (this.#text.length > 4_096) throw new Error('an element of the set is too long');
    return found;
  }
}

/** Where the string or object that begins at `from` ends, or undefined if it is not complete. */
function endOfValue(text: string, from: number): number | undefined {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') depth--;
    if (depth === 0 && !quoted && (char === '"' || char === '}' || char === ']')) return at + 1;
  }
  return undefined;
}

/** An element as nft prints it: a value, a prefix, or either of them inside {elem: {val, timeout, expires}}. */
export function elementValue(element: unknown): string | undefined {
  if (typeof element === 'string') return element;
  if (typeof element !== 'object' || element === null) return undefined;
  const { elem, val, prefix } = element as Record<string, unknown>;
  if (elem !== undefined) return elementValue((elem as Record<string, unknown> | null)?.val);
  if (val !== undefined) return elementValue(val);
  const { addr, len } = (prefix ?? {}) as Record<string, unknown>;
  return typeof addr === 'string' && typeof len === 'number' ? `${addr}/${len}` : undefined;
}
