import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type {
  Batch,
  ChannelMode,
  ControlOrder,
  Envelope,
  LoadedReport,
  Receipt,
  ReceiptsRequest,
  RemoveReason,
  WireChange,
  WireDecision,
} from '@rebato/contract';
import { common, newSigner, type Signer } from './signer.ts';

/**
 * A hub for tests only: one control, channels in memory, signed with keys of its own. It speaks the wire protocol and computes hashes and
 * digests with its own code, so that agreement with the agent says something.
 */
type ChannelState = {
  name: string;
  entries: Map<string, WireDecision>;
  version: number;
  hash: string;
  mode: ChannelMode;
  batches: Envelope[];
  digest: bigint;
};
type Stored = Receipt & { readonly arrivedMs: number };

const modulus = 1n << 256n;

export class FakeHub {
  readonly root: Signer = newSigner();
  online: Signer = newSigner();
  readonly hub = randomUUID();
  readonly control = randomUUID();
  readonly token = `rbe_${'a'.repeat(16)}_${'S'.repeat(32)}_${this.root.fingerprint}`;
  epoch = 1;
  heartbeatMs = 10_000;
  order: ControlOrder;
  certificate: Envelope;
  readonly channels = new Map<string, ChannelState>();
  readonly receipts: Stored[] = [];
  readonly reports: LoadedReport[] = [];
  url = '';
  /** Set to let every request of a path fail, or to answer it otherwise. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** Batches below this are "too old". */
  oldestBatch = 0;
  requests: string[] = [];
  readonly #streams = new Set<ServerResponse>();
  readonly #waiters = new Set<() => void>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #heartbeats: NodeJS.Timeout | undefined;
  #port = 0;

  constructor(channelNames: readonly string[] = ['immediate/c'], order: Partial<ControlOrder> = {}) {
    for (const name of channelNames)
      this.channels.set(name, { name, entries: new Map(), version: 0, hash: '0'.repeat(64), mode: 'normal', batches: [], digest: 0n });
    this.certificate = this.certify();
    this.order = {
      ...common('control', this.hub, this.epoch),
      control: this.control,
      version: 1,
      name: 'test control',
      channels: [...channelNames],
      kinds: ['ip', 'net', 'domain'],
      minConfidence: 0,
      capacity: 1_000_000,
      allow: [],
      delayMs: 0,
      ...order,
    };
  }

  certify(signer: Signer = this.root): Envelope {
    return signer.sign({
      ...common('key', this.hub, this.epoch, { lifeMs: 86_400_000 }),
      keyId: this.online.keyId,
      publicKey: this.online.spki,
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    this.url = `http://127.0.0.1:${this.#port}`;
    this.#heartbeats = setInterval(() => this.beat(), this.heartbeatMs);
    return this;
  }
  /** Goes away; `start` brings it back at the same address. */
  async stop(): Promise<void> {
    clearInterval(this.#heartbeats);
    for (const stream of this.#streams) stream.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => {});
  }

  channel(name = 'immediate/c'): ChannelState {
    const found = this.channels.get(name);
    if (!found) throw new Error(`no channel ${name}`);
    return found;
  }

  beat(): void {
    for (const channel of this.channels.values()) this.push('heartbeat', this.heartbeat(channel));
  }
  heartbeat(channel: ChannelState, options: { createdMs?: number; lifeMs?: number } = {}): Envelope {
    const { name, version, hash, mode } = channel;
    return this.online.sign({
      ...common('heartbeat', this.hub, this.epoch, options),
      channel: name,
      version,
      hash,
      mode,
      everyMs: this.heartbeatMs,
    });
  }
  push(event: string, data: unknown): void {
    for (const stream of this.#streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }
  pushRaw(text: string): void {
    for (const stream of this.#streams) stream.write(text);
  }
  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }
  get listeners(): number {
    return this.#streams.size;
  }

  /** Makes the next batch and its envelope, without sending it. `lie` changes the body before it is signed. */
  next(changes: readonly WireChange[], name = 'immediate/c', lie: Partial<Batch> = {}): Envelope {
    const channel = this.channel(name);
    for (const change of changes) {
      const key = `${change.kind}\n${change.value}`;
      const before = channel.entries.get(key);
      if (before) channel.digest -= entryDigest(before);
      if (change.op === 'add') {
        const { op: _, ...decision } = change;
        channel.entries.set(key, decision);
        channel.digest += entryDigest(decision);
      } else channel.entries.delete(key);
    }
    const body = {
      ...common('batch', this.hub, this.epoch),
      channel: name,
      version: channel.version + 1,
      prev: channel.hash,
      mode: channel.mode,
      changes,
      count: channel.entries.size,
      digest: digestText(channel.digest),
      ...lie,
    };
    const envelope = this.online.sign(body);
    channel.version = body.version;
    channel.hash = sha256(envelope.body);
    channel.batches.push(envelope);
    return envelope;
  }
  publish(changes: readonly WireChange[], name = 'immediate/c'): Envelope {
    const envelope = this.next(changes, name);
    this.push('batch', envelope);
    return envelope;
  }

  setOrder(change: Partial<ControlOrder>): void {
    this.order = { ...this.order, ...common('control', this.hub, this.epoch), version: this.order.version + 1, ...change };
    this.push('order', this.online.sign(this.order));
  }

  snapshot(name = 'immediate/c', lie: Record<string, unknown> = {}, extraLines = ''): string {
    const channel = this.channel(name);
    const lines: string[] = [];
    for (const { id, kind, value, action, strength, confidence, until } of channel.entries.values()) {
      lines.push(`${JSON.stringify([id, kind, value, action, strength, confidence, until])}\n`);
    }
    const content = lines.join('') + extraLines;
    const header = {
      ...common('snapshot', this.hub, this.epoch),
      channel: name,
      version: channel.version,
      hash: channel.hash,
      mode: channel.mode,
      count: channel.entries.size,
      digest: digestText(channel.digest),
      sha256: sha256(content),
      ...lie,
    };
    return `${JSON.stringify(this.online.sign(header))}\n${content}`;
  }

  /** State of each decision's last receipt. */
  last(decision: string): Receipt | undefined {
    return this.receipts.findLast((one) => one.decision === decision);
  }
  /** Waits until `condition` holds; looked at after every request and every 20 ms, at most `limitMs`. */
  async until(condition: () => boolean, limitMs = 15_000): Promise<void> {
    const endMs = Date.now() + limitMs;
    while (!condition()) {
      if (Date.now() > endMs) throw new Error('what was waited for did not happen');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, 20);
        const waiters = this.#waiters;
        function done(): void {
          clearTimeout(timer);
          waiters.delete(done);
          resolve();
        }
        waiters.add(done);
      });
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://hub');
    this.requests.push(`${request.method} ${url.pathname}`);
    if (this.intercept?.(request, response)) return;
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const channel = this.channels.get(url.searchParams.get('channel') ?? '');
    switch (url.pathname) {
      case '/api/v1/agent/enrol': {
        const body = JSON.parse(await text(request)) as { token: string };
        if (body.token !== this.token) return json(401, {});
        const { hub, control, certificate } = this;
        return json(200, {
          control,
          name: this.order.name,
          key: 'k'.repeat(40),
          hub,
          root: this.root.spki,
          certificate,
          order: this.online.sign(this.order),
        });
      }
      case '/api/v1/agent/state':
        return json(200, {
          certificate: this.certificate,
          order: this.online.sign(this.order),
          heartbeats: [...this.channels.values()].map((one) => this.heartbeat(one)),
        });
      case '/api/v1/agent/snapshot': {
        if (!channel) return json(404, {});
        const packed = request.headers['accept-encoding'] === 'gzip';
        const content = this.snapshot(channel.name);
        response.writeHead(200, { 'content-type': 'application/x-ndjson', ...(packed ? { 'content-encoding': 'gzip' } : {}) });
        return void response.end(packed ? gzipSync(content, { level: 1 }) : content);
      }
      case '/api/v1/agent/batches': {
        const after = Number(url.searchParams.get('after'));
        if (!channel || after < this.oldestBatch || after > channel.version) return json(410, {});
        const batches = channel.batches.slice(after, after + 50);
        return json(200, { batches, more: after + batches.length < channel.version });
      }
      case '/api/v1/agent/stream': {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': hello\n\n');
        this.#streams.add(response);
        response.once('close', () => this.#streams.delete(response));
        for (const after of url.searchParams.getAll('after')) {
          const at = after.lastIndexOf(':');
          const behind = this.channels.get(after.slice(0, at));
          const version = Number(after.slice(at + 1));
          if (!behind) continue;
          if (version > behind.version || version < this.oldestBatch)
            response.write(`event: resync\ndata: ${JSON.stringify({ channel: behind.name })}\n\n`);
          else for (const batch of behind.batches.slice(version)) response.write(`event: batch\ndata: ${JSON.stringify(batch)}\n\n`);
        }
        return;
      }
      case '/api/v1/agent/receipts': {
        const { receipts, report } = JSON.parse(await text(request)) as ReceiptsRequest;
        if (receipts.length > 1_000) return json(413, {});
        const arrivedMs = performance.now();
        for (const receipt of receipts) this.receipts.push({ ...receipt, arrivedMs });
        if (report) this.reports.push(report);
        json(200, { recorded: receipts.length });
        for (const done of [...this.#waiters]) done();
        return;
      }
      default:
        return json(404, {});
    }
  }
}

let counter = 0;
/** An addition with sensible defaults; `n` gives the n-th public address. */
export function add(value: string | number, fields: Partial<WireDecision> = {}): WireChange & { readonly op: 'add' } {
  const text = typeof value === 'number' ? publicAddress(value) : value;
  return {
    op: 'add',
    id: fakeUuid(++counter),
    kind: 'ip',
    value: text,
    action: 'block',
    strength: 'lease',
    confidence: 80,
    until: null,
    ...fields,
  };
}
export function remove(of: WireDecision, reason: RemoveReason = 'retracted'): WireChange {
  return { op: 'remove', id: of.id, kind: of.kind, value: of.value, reason };
}
/** The n-th address of 45.0.0.0/8, which no local rule refuses. */
export function publicAddress(n: number): string {
  return `45.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
}
function fakeUuid(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');
const entryDigest = ({ kind, value, id, until }: WireDecision): bigint => BigInt(`0x${sha256(`${kind}\n${value}\n${id}\n${until ?? ''}`)}`);
const digestText = (digest: bigint): string => (((digest % modulus) + modulus) % modulus).toString(16).padStart(64, '0');

async function text(request: IncomingMessage): Promise<string> {
  let all = '';
  for await (const chunk of request) all += String(chunk);
  return all;
}
