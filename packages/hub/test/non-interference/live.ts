import http from 'node:http';

/** What a live stream has said so far. */
export type Transcript = {
  readonly name: string;
  /** Whole frames, without comments and heartbeats: those keep the connection alive and follow the wall clock. */
  frames(): string[];
  /** Resolves when a frame holds the text. */
  heard(text: string): Promise<void>;
  close(): void;
};

const waitMaxMs = 10_000;

/** Opens a stream of server-sent events and keeps what it says. Resolves with its first frame. */
export async function follow(name: string, url: string, headers: Readonly<Record<string, string>>): Promise<Transcript> {
  let text = '';
  const waiting = new Set<() => void>();
  const request = http.get(url, { headers: { ...headers, accept: 'text/event-stream' }, agent: false });
  request.on('error', () => undefined);
  const frames = (): string[] =>
    text
      .split('\n\n')
      .slice(0, -1)
      .filter((frame) => frame !== ':' && !frame.startsWith('event: heartbeat'));
  const until = (done: () => boolean, what: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${name}: ${what} was not heard. It said:\n${text}`)), waitMaxMs);
      const look = (): void => {
        if (!done()) return;
        clearTimeout(late);
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  request.on('response', (response) => {
    if (response.statusCode !== 200) text += `status ${response.statusCode}\n\n`;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      for (const look of waiting) look();
    });
    response.on('error', () => undefined);
  });
  await until(() => frames().length > 0, 'a first frame');
  return {
    name,
    frames,
    heard: (wanted) => until(() => frames().some((frame) => frame.includes(wanted)), wanted),
    close: () => request.destroy(),
  };
}
