import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import postgres from 'postgres';
import { builtInArrays } from './array-types.ts';

type Value = postgres.ParameterOrJSON<never> | postgres.SerializableParameter | readonly unknown[] | undefined;

/** A thin layer over the `postgres` library: rows in camelCase, int8 as number (positions and counts stay far below 2^53), no other magic. */
export type Db = {
  rows<T extends object>(strings: TemplateStringsArray, ...values: readonly unknown[]): Promise<T[]>;
  one<T extends object>(strings: TemplateStringsArray, ...values: readonly unknown[]): Promise<T | undefined>;
  /** Runs a statement and tells how many rows it touched. */
  run(strings: TemplateStringsArray, ...values: readonly unknown[]): Promise<number>;
  /** A piece of SQL for use inside another template. Text only from the program itself. */
  sql(strings: TemplateStringsArray, ...values: readonly unknown[]): postgres.PendingQuery<postgres.Row[]>;
  /** An identifier, quoted. */
  name(identifier: string): postgres.Helper<string>;
  json(value: unknown): postgres.Parameter;
  /** SQL text of the program's own making (migrations), several statements allowed. */
  script(text: string): Promise<void>;
};

/** Inside a transaction. */
export type Tx = Db & {
  /** COPY … FROM STDIN: far faster than inserts beyond some hundred rows. Values: string, number, boolean, Date, null, or arrays of string. */
  copy(table: string, columns: readonly string[], rows: Iterable<readonly CopyValue[]>): Promise<void>;
  /** The bytes of a COPY … TO STDOUT of the program's own making, with back-pressure up to the server. */
  copyTo(text: string): Promise<AsyncIterable<Buffer>>;
  /** Takes the bytes of a COPY … FROM STDIN of the program's own making. Each write resolves when the system has taken it. */
  copyFrom(text: string): Promise<CopySink>;
};
export type CopySink = { write(bytes: Buffer): Promise<void>; end(): Promise<void> };
export type CopyValue = string | number | boolean | Date | null | readonly string[];

export type Pool = Db & {
  /** One transaction, read committed. Rolled back when `work` throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** A connection of its own, for session-level locks and long loops. */
  reserve(): Promise<Tx & { release(): void }>;
  /** `again` is called when the connection was lost and listening goes on: what was said meanwhile was not heard. */
  listen(channel: string, heard: (payload: string) => void, again?: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
};

export type PoolOptions = {
  readonly max: number;
  readonly application: string;
  readonly searchPath?: string;
  readonly user?: string;
  readonly password?: string;
  /** Milliseconds; a statement that runs longer is ended by the server. */
  readonly statementTimeoutMs?: number;
};

const int8Oid = 20;
const notForTransactions = 3;

/** What the library and the system say when a connection is gone. */
const lostCodes = new Set([
  ...[
    'CONNECTION_CLOSED',
    'CONNECTION_ENDED',
    'CONNECTION_DESTROYED',
    'CONNECT_TIMEOUT',
    'ECONNRESET',
    'ECONNREFUSED',
    'EPIPE',
    'ETIMEDOUT',
  ],
]);
const textOf = (error: unknown, field: 'code' | 'severity'): string => {
  const value: unknown = typeof error === 'object' && error !== null ? (error as Readonly<Record<string, unknown>>)[field] : undefined;
  return typeof value === 'string' ? value : '';
};

/** Whether the connection that the error came on is gone. After FATAL the server closes it. */
export const isConnectionLoss = (error: unknown): boolean =>
  lostCodes.has(textOf(error, 'code')) || /^(?:FATAL|PANIC)$/.test(textOf(error, 'severity'));

/** Whether the connection of a transaction or a session is gone. Nothing may be sent on it any more: the library would write to nothing. */
type Life = { over: boolean };

export function openPool(url: string, options: PoolOptions): Pool {
  const settings = {
    max: options.max,
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.password === undefined ? {} : { password: options.password }),
    connection: {
      application_name: options.application,
      TimeZone: 'UTC',
      ...(options.searchPath === undefined ? {} : { search_path: options.searchPath }),
      ...(options.statementTimeoutMs === undefined ? {} : { statement_timeout: options.statementTimeoutMs }),
    },
    onnotice: () => {},
    // Prepared statements are kept per connection: the same template costs its planning once.
    prepare: true,
    idle_timeout: 0,
    connect_timeout: 10,
    transform: { column: { from: postgres.toCamel, to: postgres.fromCamel } },
    // Its question for array types on a new connection ends the process when the connection is lost just then.
    fetch_types: false,
    types: { ...builtInArrays(), bigint: { to: int8Oid, from: [int8Oid], serialize: String, parse: Number } },
    // Known to the library, missing in its types.
    ...({ socket: connectAtOnce } as object),
  };
  const client = postgres(url, settings);
  const listening = createListening((more) => postgres(url, { ...settings, max: 1, ...more }));
  // Code inside a transaction may ask the pool for something. Would transactions take every connection, each would wait for another one's
  // answer for ever: some connections are never theirs.
  const openMax = Math.max(1, options.max - notForTransactions);
  const waiting: (() => void)[] = [];
  let open = 0;
  return {
    ...wrap(client),
    async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
      while (open >= openMax) await new Promise<void>((resolve) => waiting.push(resolve));
      open += 1;
      const life: Life = { over: false };
      try {
        return (await client.begin(async (tx) => {
          try {
            const result = await work(wrapTx(tx, life));
            // The library would commit on a connection that is gone, and crash. `begin` itself has failed by now.
            return life.over ? await never : result;
          } catch (error) {
            if (life.over) return await never;
            throw error;
          }
        })) as T;
      } finally {
        life.over = true;
        open -= 1;
        waiting.shift()?.();
      }
    },
    async reserve() {
      // A client of its own: only so is its end noticed while nothing is being asked.
      const life: Life = { over: false };
      const sockets: Socket[] = [];
      const socket = async (to: Parameters<typeof connectAtOnce>[0]): Promise<Socket> => {
        const made = await connectAtOnce(to);
        sockets.push(made);
        return made;
      };
      const own = postgres(url, { ...settings, max: 1, onclose: () => (life.over = true), ...({ socket } as object) });
      const end = (): void => {
        void own.end({ timeout: 0 }).catch(() => undefined);
        // The library waits for the end of a socket that it has paused in the middle of a COPY, and then it never comes.
        for (const each of sockets) each.destroy();
      };
      try {
        // Opened by a query: a client that does not ask for types never finishes reserving its first connection.
        await own`select 1`;
        const reserved = await own.reserve();
        return { ...wrapTx(reserved, life), release: end };
      } catch (error) {
        end();
        throw error;
      }
    },
    listen: (channel, heard, again = () => {}) => listening.listen(channel, heard, again),
    async close() {
      await listening.close();
      await client.end({ timeout: 5 });
    },
  };
}

const never = new Promise<never>(() => {});

type Listener = { readonly heard: (payload: string) => void; readonly again: () => void };

/** A server that restarts refuses connections for some seconds. */
const listenAgainMs = 250;

/**
 * Listens on one connection, and again after it was lost. The library tries that once, and for good gives up on a server that is still
 * recovering at that moment.
 */
function createListening(connectWith: (more: object) => postgres.Sql<{ bigint: number }>) {
  const channels = new Map<string, Set<Listener>>();
  let client: postgres.Sql<{ bigint: number }> | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const subscribe = (channel: string): Promise<unknown> => {
    client ??= connectWith({
      onnotify: (name: string, payload: string) => {
        for (const listener of channels.get(name) ?? []) listener.heard(payload);
      },
      onclose: later,
    });
    return client.unsafe(`listen "${channel.replaceAll('"', '""')}"`);
  };

  function later(): void {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      void resume();
    }, listenAgainMs);
  }

  async function resume(): Promise<void> {
    try {
      for (const channel of channels.keys()) await subscribe(channel);
      for (const listeners of channels.values()) for (const listener of listeners) listener.again();
    } catch {
      later();
    }
  }

  return {
    async listen(channel: string, heard: (payload: string) => void, again: () => void): Promise<() => Promise<void>> {
      const listener: Listener = { heard, again };
      const known = channels.get(channel);
      if (known === undefined) {
        channels.set(channel, new Set([listener]));
        await subscribe(channel);
      } else known.add(listener);
      return async () => {
        const left = channels.get(channel);
        left?.delete(listener);
        if (left?.size !== 0) return;
        channels.delete(channel);
        await client?.unsafe(`unlisten "${channel.replaceAll('"', '""')}"`);
      };
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await client?.end({ timeout: 5 });
    },
  };
}

/**
 * A small COPY is several short packets; with the system's default each waits for the acknowledgement of the last, some 40 to 90 ms. So packets
 * leave at once. Tries the hosts in order.
 */
async function connectAtOnce(options: { readonly host: readonly string[]; readonly port: readonly number[] }): Promise<Socket> {
  let failure: unknown;
  for (const [index, host] of options.host.entries()) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect({ host, port: options.port[index] ?? options.port[0] ?? 5432, noDelay: true, keepAlive: true });
        socket.once('error', reject);
        socket.once('connect', () => {
          socket.off('error', reject);
          resolve(socket);
        });
      });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function alive(life: Life | undefined): void {
  if (life?.over === true)
    throw Object.assign(new Error('the connection of this transaction or session is gone'), { code: 'CONNECTION_CLOSED' });
}

type Client =
  | postgres.Sql<Record<string, never>>
  | postgres.Sql<{ bigint: number }>
  | postgres.TransactionSql<{ bigint: number }>
  | postgres.ReservedSql<{ bigint: number }>;

function wrap(client: Client, life?: Life): Db {
  const ask = client as unknown as (strings: TemplateStringsArray, ...values: Value[]) => postgres.PendingQuery<postgres.Row[]>;
  const run = async (strings: TemplateStringsArray, ...values: Value[]): Promise<postgres.RowList<postgres.Row[]>> => {
    alive(life);
    return ask(strings, ...values).catch((error: unknown) => {
      if (life !== undefined && isConnectionLoss(error)) life.over = true;
      throw error;
    });
  };
  return {
    async rows<T extends object>(strings: TemplateStringsArray, ...values: readonly unknown[]): Promise<T[]> {
      return [...(await run(strings, ...(values as Value[])))] as unknown as T[];
    },
    async one<T extends object>(strings: TemplateStringsArray, ...values: readonly unknown[]): Promise<T | undefined> {
      const [row] = await run(strings, ...(values as Value[]));
      return row as unknown as T | undefined;
    },
    async run(strings, ...values) {
      return (await run(strings, ...(values as Value[]))).count;
    },
    sql: (strings, ...values) => ask(strings, ...(values as Value[])),
    name: (identifier) => (client as postgres.Sql)(identifier) as unknown as postgres.Helper<string>,
    json: (value) => (client as postgres.Sql).json(value as postgres.JSONValue),
    async script(text) {
      alive(life);
      await client.unsafe(text);
    },
  };
}

function wrapTx(client: postgres.TransactionSql<{ bigint: number }> | postgres.ReservedSql<{ bigint: number }>, life: Life): Tx {
  return {
    ...wrap(client, life),
    async copy(table, columns, rows) {
      alive(life);
      const sql = client as unknown as postgres.Sql;
      const sink = await sql`copy ${sql(table)} (${sql(columns as string[])}) from stdin`.writable();
      let failed: unknown;
      const finished = new Promise<void>((resolve, reject) => {
        sink.on('error', (error) => {
          failed = error;
          reject(error);
        });
        sink.on('finish', resolve);
      });
      // A failure between two chunks is looked at below; until then nobody waits for it, and it must not end the process.
      finished.catch(() => undefined);
      let chunk = '';
      for (const row of rows) {
        for (let i = 0; i < row.length; i += 1) chunk += `${i === 0 ? '' : '\t'}${copyText(row[i] ?? null)}`;
        chunk += '\n';
        if (chunk.length <= copyChunkChars) continue;
        sink.write(chunk);
        chunk = '';
        // Between two chunks others have the processor: a large import must not hold up an alert.
        await setImmediate();
        if (failed !== undefined) break;
      }
      if (failed === undefined) sink.end(chunk);
      await finished;
    },
    async copyTo(text) {
      alive(life);
      return readOn(await client.unsafe(text).readable());
    },
    async copyFrom(text) {
      alive(life);
      const sink = await client.unsafe(text).writable();
      const finished = new Promise<void>((resolve, reject) => void sink.on('error', reject).on('finish', resolve));
      // Each write tells of the failure; nobody may be waiting for the end yet.
      finished.catch(() => undefined);
      return {
        write: (bytes) =>
          Promise.race([
            new Promise<void>((resolve, reject) => void sink.write(bytes, (error) => (error ? reject(error) : resolve()))),
            finished,
          ]),
        end() {
          sink.end();
          return finished;
        },
      };
    },
  };
}

/** The library pauses its socket for a slow reader, and leaves it so when the rows end just then: the next answer would never come. */
async function* readOn(rows: Readable): AsyncGenerator<Buffer> {
  try {
    yield* rows as AsyncIterable<Buffer>;
  } finally {
    rows._read(0);
  }
}

/** Large enough that the socket is seldom idle, small enough that others have the processor often. */
const copyChunkChars = 64 * 1024;

const special = /[\\\t\n\r]/g;
const hasSpecial = /[\\\t\n\r]/;
const specialText: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function copyText(value: CopyValue): string {
  if (value === null) return '\\N';
  if (typeof value === 'string') return hasSpecial.test(value) ? value.replace(special, (c) => specialText[c] ?? c) : value;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (value instanceof Date) return value.toISOString();
  const items = value.map((item) => `"${item.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',');
  return `{${items}}`.replace(special, (c) => specialText[c] ?? c);
}
