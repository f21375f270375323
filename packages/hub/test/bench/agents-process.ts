/**
 * Many light agents in one process: each keeps a stream open and answers every batch with receipts, as a control does that needs no time of
 * its own. They verify nothing: what is measured is the hub. Times are of the monotonic clock, which all processes of a machine share.
 */
import { get, Agent as HttpAgent, request } from 'node:http';

type Start = { readonly url: string; readonly tokens: readonly string[] };
type Wanted = { readonly value: string; readonly op: 'add' | 'remove' };

/** Receipts go over few connections that are kept: sockets of real agents are their own, but a port range is shared here. */
const posting = new HttpAgent({ keepAlive: true, maxSockets: 200 });
const enrolling = 20;

/**
 * Batches of an import are read and not answered: a million receipts of each control would measure the store of receipts. The batch of an alert
 * is answered, whatever import it came among.
 */
const answeredMax = 200;

let expected = 0;
/** When each control's receipt for a change was acknowledged. */
const done = new Map<string, number[]>();
const keyOf = (wanted: Wanted): string => `${wanted.op} ${wanted.value}`;
const monotonicMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

function post(url: string, key: string | undefined, body: unknown): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const payload = JSON.stringify(body);
    const call = request(
      url,
      {
        method: 'POST',
        agent: posting,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(payload),
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
      },
      (reply) => {
        let text = '';
        reply.setEncoding('utf8').on('data', (part: string) => (text += part));
        reply.once('end', () => resolve({ status: reply.statusCode ?? 0, text }));
      },
    );
    call.once('error', reject);
    call.end(payload);
  });
}

type WireChange = { readonly op: 'add' | 'remove'; readonly id: string; readonly value: string };

function follow(url: string, key: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = get(`${url}/api/v1/agent/stream`, {
      agent: false,
      headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
    });
    call.once('error', reject);
    call.once('response', (reply) => {
      if (reply.statusCode !== 200) return reject(new Error(`the stream answered ${reply.statusCode}`));
      resolve();
      let buffer = '';
      reply.setEncoding('utf8').on('data', (part: string) => {
        buffer += part;
        for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
          const frame = buffer.slice(0, end);
          buffer = buffer.slice(end + 2);
          if (frame.startsWith('event: batch\n')) void answer(url, key, frame.slice(frame.indexOf('data: ') + 6));
        }
      });
    });
  });
}

async function answer(url: string, key: string, data: string): Promise<void> {
  const { body } = JSON.parse(data) as { body: string };
  const { channel, version, changes } = JSON.parse(body) as { channel: string; version: number; changes: WireChange[] };
  if (changes.length === 0 || changes.length > answeredMax) return;
  const at = new Date().toISOString();
  const receipts = changes.map(({ op, id }) => ({ decision: id, channel, version, state: op === 'add' ? 'applied' : 'withdrawn', at }));
  const reply = await post(`${url}/api/v1/agent/receipts`, key, { receipts });
  if (reply.status !== 200) return void process.send?.({ problem: `${reply.status} ${reply.text.slice(0, 300)}` });
  const now = monotonicMs();
  for (const change of changes) {
    const name = keyOf(change);
    const times = done.get(name) ?? [];
    times.push(now);
    done.set(name, times);
    if (times.length === expected) {
      done.delete(name);
      process.send?.({ name, times });
    }
  }
}

async function start({ url, tokens }: Start): Promise<void> {
  expected = tokens.length;
  const keys: string[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: enrolling }, async () => {
      while (next < tokens.length) {
        const n = next;
        next += 1;
        const reply = await post(`${url}/api/v1/agent/enrol`, undefined, { token: tokens[n], agent: 'bench', target: 'bench' });
        if (reply.status !== 200) throw new Error(`enrolment: ${reply.status} ${reply.text.slice(0, 300)}`);
        keys[n] = (JSON.parse(reply.text) as { key: string }).key;
      }
    }),
  );
  for (let from = 0; from < keys.length; from += 100) await Promise.all(keys.slice(from, from + 100).map((key) => follow(url, key)));
  process.send?.({ following: keys.length });
}

process.on('message', (message: Start) => {
  start(message).catch((error: unknown) => process.send?.({ problem: String(error) }));
});
process.on('disconnect', () => process.exit(0));
