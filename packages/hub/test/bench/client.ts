import { Agent, type IncomingMessage, request } from 'node:http';

/** A light client with a fixed number of kept-alive connections. Its own time is part of every figure. */
export type Client = {
  /** Milliseconds from sending to the first byte, and to the last. */
  get(path: string): Promise<{
    readonly status: number;
    readonly firstMs: number;
    readonly wholeMs: number;
    readonly bytes: number;
    readonly text: string;
  }>;
  /** Answers as soon as the head is there; with a tag, asks only for something newer. The body is read away. */
  head(path: string, unlessTag?: string): Promise<{ readonly status: number; readonly etag: string }>;
  post(path: string, body: unknown): Promise<{ readonly status: number; readonly text: string }>;
  close(): void;
};

export function openClient(url: string, key: string, connections: number, acceptGzip = false): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const { hostname, port } = new URL(url);
  const standing = { authorization: `Bearer ${key}`, ...(acceptGzip ? { 'accept-encoding': 'gzip' } : {}) };

  function ask(
    method: string,
    path: string,
    headers: Readonly<Record<string, string | number>>,
    payload?: string,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const call = request({ hostname, port, path, method, agent, headers: { ...standing, ...headers } }, resolve);
      call.once('error', reject);
      call.end(payload);
    });
  }

  return {
    async get(path) {
      const begun = performance.now();
      const reply = await ask('GET', path, {});
      let bytes = 0;
      let firstMs = Number.NaN;
      let text = '';
      await new Promise<void>((resolve, reject) => {
        reply.on('data', (part: Buffer) => {
          if (bytes === 0) firstMs = performance.now() - begun;
          bytes += part.length;
          if (text.length < textMaxChars) text += part.toString('latin1').slice(0, textMaxChars);
        });
        reply.once('end', resolve);
        reply.once('error', reject);
      });
      return { status: reply.statusCode ?? 0, firstMs, wholeMs: performance.now() - begun, bytes, text };
    },
    async head(path, unlessTag) {
      const reply = await ask('GET', path, unlessTag === undefined ? {} : { 'if-none-match': unlessTag });
      reply.resume();
      return { status: reply.statusCode ?? 0, etag: String(reply.headers.etag ?? '') };
    },
    async post(path, value) {
      const payload = JSON.stringify(value);
      const reply = await ask('POST', path, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }, payload);
      let text = '';
      for await (const part of reply.setEncoding('utf8')) text += part;
      return { status: reply.statusCode ?? 0, text };
    },
    close: () => agent.destroy(),
  };
}

/** Enough for a small answer; of a list only its beginning is looked at. */
const textMaxChars = 4_000;

/** The answer as JSON, or an error with what came instead. */
export function expectJson<T>(reply: { readonly status: number; readonly text: string }, status: number): T {
  if (reply.status !== status) throw new Error(`${reply.status} instead of ${status}: ${reply.text.slice(0, 500)}`);
  return JSON.parse(reply.text) as T;
}
