import { Stop } from './exits.ts';

/** One server-sent event. `id` stays undefined where the event had none. */
export type Message = { readonly event: string; readonly data: string; readonly id: string | undefined };

/** One event. The hub's own are some kilobytes. */
const messageMaxChars = 4 * 1024 * 1024;

/** The events of a stream as the WHATWG defines it: comments and unknown fields are passed over, an event ends at an empty line. */
export async function* messagesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let rest = '';
  let event = '';
  let data: string[] = [];
  let size = 0;
  let id: string | undefined;
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    // A carriage return at the end may be half of a line's end.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    if (rest.length > messageMaxChars) throw new Stop('hubFailed', 'What the hub streams is no stream of events.');
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event: event === '' ? 'message' : event, data: data.join('\n'), id };
        event = '';
        data = [];
        size = 0;
        id = undefined;
        continue;
      }
      const colon = line.indexOf(':');
      const name = colon === -1 ? line : line.slice(0, colon);
      const content = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'event') event = content;
      else if (name === 'id') id = content;
      else if (name === 'data') {
        size += content.length;
        if (size > messageMaxChars) throw new Stop('hubFailed', 'What the hub streams is no stream of events.');
        data.push(content);
      }
    }
  }
}
