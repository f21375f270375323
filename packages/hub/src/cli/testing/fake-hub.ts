import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};
/** What the hub answers: JSON unless `text`. `cut` breaks the connection in the middle. */
export type Answer = {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cut?: boolean;
};

/** A server on loopback that answers by `METHOD /path` and remembers what it was asked. */
export async function fakeHub(answers: Readonly<Record<string, Answer | ((asked: Asked) => Answer)>>) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://fake');
      const entry = {
        method: request.method ?? '',
        path: decodeURIComponent(url.pathname),
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(parts).toString(),
      };
      asked.push(entry);
      const found = answers[`${entry.method} ${entry.path}`] ?? {
        status: 404,
        json: problem(404, 'http.not_found', 'There is no such path.'),
      };
      const answer = typeof found === 'function' ? found(entry) : found;
      const status = answer.status ?? 200;
      response.writeHead(status, {
        'content-type': answer.text === undefined ? 'application/json' : 'text/plain',
        connection: 'close',
        ...answer.headers,
      });
      response.write(answer.text ?? (answer.json === undefined ? '' : JSON.stringify(answer.json)));
      if (answer.cut === true) setImmediate(() => request.socket.destroy());
      else response.end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

export const problem = (status: number, code: string, detail: string, errors: readonly object[] = []) => ({
  type: `/api/docs/errors#${code}`,
  title: 'Refused',
  status,
  detail,
  code,
  instance: 'request-1',
  errors,
});
