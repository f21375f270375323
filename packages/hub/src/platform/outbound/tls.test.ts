import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createOutbound } from '#platform/outbound';

const der = (tag: number, ...parts: readonly (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(6, Buffer.from(hex, 'hex'));

/** A certificate for one name, signed by its own key: enough of X.509 to prove who is believed, and no key in the repository. */
function selfSigned(name: string): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid('2a8648ce3d040302'));
  const subject = sequence(der(0x31, sequence(oid('550403'), der(0x0c, name))));
  const validity = sequence(der(0x17, '200101000000Z'), der(0x17, '491231235959Z'));
  const alternative = sequence(oid('551d11'), der(4, sequence(der(0x82, name))));
  const basic = sequence(oid('551d13'), der(1, Buffer.from([0xff])), der(4, sequence(der(1, Buffer.from([0xff])))));
  const spki = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({ type: 'spki', format: 'der' });
  const body = sequence(
    der(0xa0, der(2, Buffer.from([2]))),
    der(2, Buffer.from([1])),
    algorithm,
    subject,
    validity,
    subject,
    spki,
    der(0xa3, sequence(basic, alternative)),
  );
  const whole = sequence(body, algorithm, der(3, Buffer.from([0]), sign('sha256', body, privateKey)));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${whole.toString('base64')}\n-----END CERTIFICATE-----\n`,
  };
}

test('S05: https proves the name that was asked for; strangers, other names and unknown authorities are refused', async (context) => {
  const { key, cert } = selfSigned('feed.example');
  const names: (string | undefined | false)[] = [];
  const server = createServer({ key, cert }, (request, response) => response.end(request.headers.host));
  server.on('secureConnection', (socket) => names.push((socket as unknown as { servername?: string | false }).servername));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve));
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const options = { allow: ['127.0.0.2'], resolve: async () => ['127.0.0.2'] };
  const knowing = createOutbound({ ...options, ca: [cert] });
  assert.equal((await knowing.get(`https://feed.example:${port}/`)).body.toString(), `feed.example:${port}`);
  assert.deepEqual(names, ['feed.example']);
  for (const url of [`https://other.example:${port}/`, `https://127.0.0.2:${port}/`, `http://feed.example:${port}/`])
    await assert.rejects(knowing.get(url), { code: 'outbound.failed' }, url);
  await assert.rejects(createOutbound(options).get(`https://feed.example:${port}/`), { code: 'outbound.failed' });
});

test('S03: a redirect from https to http is refused even where hops are allowed', async (context) => {
  const { key, cert } = selfSigned('feed.example');
  const server = createServer({ key, cert }, (request, response) =>
    request.url === '/up'
      ? response.end('up')
      : response.writeHead(302, { location: request.url === '/' ? '/up' : 'http://feed.example/' }).end(),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve));
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const outbound = createOutbound({ allow: ['127.0.0.2'], resolve: async () => ['127.0.0.2'], ca: [cert] });
  assert.equal((await outbound.request(`https://feed.example:${port}/`, { maxRedirects: 1 })).body.toString(), 'up');
  await assert.rejects(outbound.request(`https://feed.example:${port}/down`, { maxRedirects: 5 }), { code: 'outbound.failed' });
});
