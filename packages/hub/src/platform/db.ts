import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import postgres from 'postgres';

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
};
export type CopyValue = string | number | boolean | Date | null | readonly string[];

export type Pool = Db & {
  /** One transaction, read committed. Rolled back when `work` throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** A connection of its own, for session-level locks and long loops. */
  reserve(): Promise<Tx & { release(): void }>;
  listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>>;
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

export function openPool(url: string, options: PoolOptions): Pool {
  const client = postgres(url, {
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
    types: { bigint: { to: int8Oid, from: [int8Oid], serialize: String, parse: Number } },
    // Known to the library, missing in its types.
    ...({ socket: connectAtOnce } as object),
  });
  // Code inside a transaction may ask the pool for something. Would transactions take every connection, each would wait for another one's
  // answer for ever: some connections are never theirs (the leader keeps one for itself).
  const openMax = Math.max(1, options.max - notForTransactions);
  const waiting: (() => void)[] = [];
  let open = 0;
  return {
    ...wrap(client),
    async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
      while (open >= openMax) await new Promise<void>((resolve) => waiting.push(resolve));
      open += 1;
      try {
        return (await client.begin((tx) => work(wrapTx(tx)))) as T;
      } finally {
        open -= 1;
        waiting.shift()?.();
      }
    },
    async reserve() {
      const reserved = await client.reserve();
      return { ...wrapTx(reserved), release: () => reserved.release() };
    },
    async listen(channel, heard) {
      const subscription = await client.listen(channel, heard);
      return () => subscription.unlisten();
    },
    close: () => client.end({ timeout: 5 }),
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

type Client =
  | postgres.Sql<Record<string, never>>
  | postgres.Sql<{ bigint: number }>
  | postgres.TransactionSql<{ bigint: number }>
  | postgres.ReservedSql<{ bigint: number }>;

function wrap(client: Client): Db {
  const run = client as unknown as (strings: TemplateStringsArray, ...values: Value[]) => postgres.PendingQuery<postgres.Row[]>;
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
    sql: (strings, ...values) => run(strings, ...(values as Value[])),
    name: (identifier) => (client as postgres.Sql)(identifier) as unknown as postgres.Helper<string>,
    json: (value) => (client as postgres.Sql).json(value as postgres.JSONValue),
    async script(text) {
      await client.unsafe(text);
    },
  };
}

function wrapTx(client: postgres.TransactionSql<{ bigint: number }> | postgres.ReservedSql<{ bigint: number }>): Tx {
  return {
    ...wrap(client),
    async copy(table, columns, rows) {
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
  };
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
