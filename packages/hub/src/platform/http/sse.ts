import type { ServerResponse } from 'node:http';
import type { Counter, Gauge, Metrics } from '#platform/ports';
import type { SseSink } from './types.ts';

/** Bytes a client may be behind before it is cut off. It reconnects with its last id and replays; memory for 5,000 stuck clients stays bounded. */
const unsentMaxBytes = 1 << 20;

/** A comment this often keeps proxies and firewalls from forgetting the connection. One client meets one slot per round. */
const keepAliveSeconds = 15;

const keepAlive = Buffer.from(':\n\n');
const bye = Buffer.from('event: bye\ndata: {}\n\n');

export type SseOptions = { readonly metrics: Metrics; readonly max: number };

class Client implements SseSink {
  readonly #response: ServerResponse;
  readonly #leave: (client: Client) => void;
  readonly #slow: Counter;
  readonly abort = new AbortController();
  closed = false;

  constructor(response: ServerResponse, leave: (client: Client) => void, slow: Counter) {
    this.#response = response;
    this.#leave = leave;
    this.#slow = slow;
    response.once('close', () => this.#end());
    // A write after the peer has reset; the close follows.
    response.on('error', () => this.#end());
  }

  get unsentBytes(): number {
    return this.#response.writableLength;
  }

  #end(): void {
    if (this.closed) return;
    this.closed = true;
    this.#leave(this);
    this.abort.abort();
  }

  send(frames: Buffer | string): void {
    if (this.closed) return;
    const size = typeof frames === 'string' ? Buffer.byteLength(frames) : frames.length;
    if (this.#response.writableLength + size > unsentMaxBytes && this.#response.writableLength > 0) {
      this.#slow.add();
      this.#response.destroy();
      this.#end();
      return;
    }
    this.#response.write(frames);
  }

  event(name: string, data: string, id?: string): void {
    const line = (text: string): string => text.replace(/[\r\n\0]/g, ' ');
    const body = data
      .split(/\r\n|\r|\n/)
      .map((text) => `data: ${text}\n`)
      .join('');
    this.send(`${id === undefined ? '' : `id: ${line(id)}\n`}event: ${line(name)}\n${body}\n`);
  }

  /** Only when nothing waits: whoever is behind needs no sign of life from us. */
  beat(): void {
    if (!this.closed && this.#response.writableLength === 0) this.#response.write(keepAlive);
  }

  close(last?: Buffer): void {
    if (this.closed) return;
    this.#response.end(last);
    this.#end();
  }
}

export type SseClients = {
  open(
    response: ServerResponse,
    status: number,
    headers: Record<string, string | string[]>,
    start: (sink: SseSink, signal: AbortSignal) => void,
  ): void;
  readonly size: number;
  readonly full: boolean;
  /** Says goodbye to everybody. */
  closeAll(): void;
  /** Ends the shared timer. */
  stop(): void;
};

/**
 * All live clients of a hub. One timer for all of them, which wakes a fifteenth of them each second: five thousand writes at once would hold up
 * everything else for tens of milliseconds, and a timer each costs memory.
 */
export function createSseClients({ metrics, max }: SseOptions): SseClients {
  const slots: Set<Client>[] = Array.from({ length: keepAliveSeconds }, () => new Set<Client>());
  const live: Gauge = metrics.gauge('rebato_sse_clients', 'Live clients connected');
  const slow = metrics.counter('rebato_sse_slow_clients_total', 'Live clients cut off because they fell too far behind');
  let size = 0;
  let turn = 0;
  const timer = setInterval(() => {
    turn = (turn + 1) % slots.length;
    for (const client of slots[turn] ?? []) client.beat();
  }, 1000);
  timer.unref();
  return {
    open(response, status, headers, start) {
      // Without length and chunks the end of the connection ends the body: no framing to write per event, and it is never reused anyway.
      response.useChunkedEncodingByDefault = false;
      response.writeHead(status, { ...headers, 'x-accel-buffering': 'no' });
      response.flushHeaders();
      const slot = slots.reduce((least, candidate) => (candidate.size < least.size ? candidate : least));
      const client = new Client(
        response,
        (gone) => {
          slot.delete(gone);
          size -= 1;
          live.set(size);
        },
        slow,
      );
      slot.add(client);
      size += 1;
      live.set(size);
      if (response.destroyed) response.emit('close');
      else start(client, client.abort.signal);
    },
    get size() {
      return size;
    },
    get full() {
      return size >= max;
    },
    closeAll() {
      for (const slot of slots) for (const client of [...slot]) client.close(bye);
    },
    stop() {
      clearInterval(timer);
    },
  };
}
