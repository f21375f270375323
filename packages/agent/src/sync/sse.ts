export type SseEvent = { readonly event: string; readonly data: string };
export type SseLimits = { readonly eventBytes: number };

/**
 * A reader of server-sent events. Fed with text in any pieces, it gives the same events; whatever is larger than the limit makes `push` return
 * false, and the stream is not to be read any further. Comments, ids and retry times are skipped: positions are signed inside the data.
 */
export class SseReader {
  readonly #limits: SseLimits;
  readonly #onEvent: (event: SseEvent) => void;
  #line: string[] = [];
  #size = 0;
  #skipLineFeed = false;
  #first = true;
  #event = '';
  #data: string[] = [];

  constructor(limits: SseLimits, onEvent: (event: SseEvent) => void) {
    this.#limits = limits;
    this.#onEvent = onEvent;
  }

  push(text: string): boolean {
    let from = 0;
    if (this.#first && text.length > 0) {
      this.#first = false;
      if (text.charCodeAt(0) === 0xfeff) from = 1;
    }
    while (from < text.length) {
      if (this.#skipLineFeed) {
        this.#skipLineFeed = false;
        if (text[from] === '\n') {
          from++;
          continue;
        }
      }
      const end = lineEnd(text, from);
      const part = text.slice(from, end);
      // Counted over a whole event, so that many short lines are bounded like one long one.
      this.#size += part.length;
      if (this.#size > this.#limits.eventBytes) return false;
      if (part !== '') this.#line.push(part);
      if (end === text.length) return true;
      this.#skipLineFeed = text[end] === '\r';
      from = end + 1;
      const line = this.#line.length === 1 ? (this.#line[0] ?? '') : this.#line.join('');
      this.#line = [];
      this.#takeLine(line);
    }
    return true;
  }

  #takeLine(line: string): void {
    if (line === '') {
      const { event, data } = { event: this.#event, data: this.#data };
      this.#event = '';
      this.#data = [];
      this.#size = 0;
      if (data.length > 0) this.#onEvent({ event: event === '' ? 'message' : event, data: data.join('\n') });
      return;
    }
    const colon = line.indexOf(':');
    // A comment keeps the connection open and carries nothing; alone it must not add up to the limit.
    if (colon === 0) {
      this.#size -= line.length;
      return;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
  }
}

function lineEnd(text: string, from: number): number {
  const feed = text.indexOf('\n', from);
  const to = feed < 0 ? text.length : feed;
  // Looked for only as far as the line feed, or a long text without any would be searched again for each line.
  const back = text.slice(from, to).indexOf('\r');
  return back < 0 ? to : from + back;
}
