import http from 'node:http';
import type { World } from './world.ts';

export type Ask = {
  readonly reader: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** What came back, as bytes came, but for what is another one at every request: the date, the request's id, and credentials made just now. */
export type Said = { readonly asked: string; readonly status: number; readonly headers: readonly string[]; readonly body: string };

const leftOut = new Set(['date', 'x-request-id']);
const sockets = new http.Agent({ keepAlive: true, maxSockets: 1 });

export function ask(world: World, { reader, method, path, headers, body }: Ask): Promise<Said> {
  const extra = Object.entries(headers).filter(([name]) => name !== 'authorization' && name !== 'cookie');
  const asked = `${reader}: ${method} ${path}${extra.map(([name, value]) => ` ${name}=${value}`).join('')}${body === undefined ? '' : ` ${body}`}`;
  return new Promise((resolve, reject) => {
    const request = http.request(`${world.hub.url}${path}`, {
      method,
      headers: { 'accept-encoding': 'identity', ...headers },
      agent: sockets,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const lines: string[] = [];
        for (let at = 0; at < response.rawHeaders.length; at += 2) {
          const name = response.rawHeaders[at]?.toLowerCase() ?? '';
          if (!leftOut.has(name)) lines.push(`${name}: ${plain(world, response.rawHeaders[at + 1] ?? '')}`);
        }
        resolve({ asked, status: response.statusCode ?? 0, headers: lines, body: plain(world, Buffer.concat(parts).toString('latin1')) });
      });
    });
    request.end(body);
  });
}

/** Names of what a hub draws at random for itself: keys, signatures with them, and secrets. Each hub has its own, whatever happens in it. */
export function plain(world: World, text: string): string {
  const { keys } = world.hub;
  const own: readonly (readonly [string, string])[] = [
    [world.hub.url, 'URL'],
    [keys.signer.keyId, 'KEY'],
    [keys.rootFingerprint(), 'ROOT-FINGERPRINT'],
    [keys.rootPublic(), 'ROOT'],
    ...[...keys.publicKeys().values()].map((key) => [key, 'PUBLIC-KEY'] as const),
  ];
  let out = text;
  for (const [value, name] of own) out = out.replaceAll(value, name);
  return out
    .replaceAll(/(?<="keyId":")[0-9a-f]{16}(?=")/g, 'KEY')
    .replaceAll(/(?<=\brb[a-z]_[a-z0-9-]{1,60}_)[0-9a-zA-Z_-]{20,200}/g, 'SECRET')
    .replaceAll(/(?<="sig":")[A-Za-z0-9+/=]{80,100}(?=")/g, 'SIGNATURE')
    .replaceAll(/(?<="(?:challenge|secret|setup|uri)":")[^"]{10,2000}(?=")/g, 'RANDOM');
}

export function difference(left: readonly Said[], right: readonly Said[]): string[] {
  const found: string[] = [];
  for (const [at, one] of left.entries()) {
    const other = right[at];
    if (other === undefined) found.push(`only in the first: ${one.asked}`);
    else if (text(one) !== text(other))
      found.push(`${one.asked}\n--- with the hidden\n${around(text(one), text(other))}\n--- without\n${around(text(other), text(one))}`);
  }
  if (right.length > left.length) found.push(`only in the second: ${right[left.length]?.asked}`);
  return found;
}

const text = ({ asked, status, headers, body }: Said): string => `${asked}\n${status}\n${headers.join('\n')}\n\n${body}`;

/** Where two texts part, with what stands before it. */
function around(one: string, other: string): string {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return one.slice(Math.max(0, at - 120), at + 200);
}
