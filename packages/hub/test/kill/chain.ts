import { hash } from 'node:crypto';
import type { Batch, Envelope, KeyCertificate } from '@rebato/contract';
import type { Pool } from '#platform/db';
import { publicKeyOf, verifyBody } from '#platform/keys/envelope';

/** One entry of a channel's set, as the batches say. */
type Entry = { readonly id: string; readonly until: string | null; readonly action: string };
type Row = { readonly version: number; readonly body: string; readonly keyId: string; readonly sig: string; readonly hash: string };

/** Follows one channel from version 1 with nothing but the bytes of its batches: by the contract's words and not by the hub's code. */
export type ChainReader = {
  /** Reads what is new; tells every breach. */
  advance(db: Pool): Promise<string[]>;
  /** Values that are to be blocked, by this channel alone. */
  blocked(): Set<string>;
  allowed(): Set<string>;
  readonly channel: string;
  version(): number;
};

const modulus = 1n << 256n;
const page = 2_000;

export function createChainReader(channel: string, certificates: readonly Envelope[]): ChainReader {
  const [shelf = '', lane = ''] = channel.split(/\/(.*)/s);
  const keys = new Map(
    certificates.map((envelope) => {
      const certificate = JSON.parse(envelope.body) as KeyCertificate;
      return [certificate.keyId, publicKeyOf(certificate.publicKey)];
    }),
  );
  const entries = new Map<string, Entry>();
  let version = 0;
  let last = '0'.repeat(64);
  let sum = 0n;

  const share = (name: string, entry: Entry): bigint => BigInt(`0x${hash('sha256', `${name}\n${entry.id}\n${entry.until ?? ''}`, 'hex')}`);

  function drop(name: string): boolean {
    const before = entries.get(name);
    if (before === undefined) return false;
    sum = (sum - share(name, before) + modulus) % modulus;
    return entries.delete(name);
  }

  function take(row: Row, say: (breach: string) => void): void {
    const key = keys.get(row.keyId);
    if (key === undefined || !verifyBody(key, row.body, row.sig)) say('the signature is not good');
    if (hash('sha256', row.body, 'hex') !== row.hash) say('the stored hash is not that of the body');
    const batch = JSON.parse(row.body) as Batch;
    if (batch.channel !== channel) say(`it is of the channel ${batch.channel}`);
    if (row.version !== version + 1 || batch.version !== row.version) say(`it follows version ${version}`);
    if (batch.prev !== last) say('prev is not the hash of the batch before');
    for (const change of batch.changes) {
      const name = `${change.kind}\n${change.value}`;
      if (change.op === 'remove') {
        if (!drop(name)) say(`it removes ${change.value}, which is not there`);
        continue;
      }
      drop(name);
      entries.set(name, change);
      sum = (sum + share(name, change)) % modulus;
    }
    if (batch.count !== entries.size) say(`it counts ${batch.count}, and there are ${entries.size}`);
    if (batch.digest !== sum.toString(16).padStart(64, '0')) say('the digest is not that of the set');
    version = row.version;
    last = row.hash;
  }

  const valuesOf = (action: string): Set<string> =>
    new Set([...entries].filter(([, entry]) => entry.action === action).map(([name]) => name.slice(name.indexOf('\n') + 1)));

  return {
    channel,
    version: () => version,
    blocked: () => valuesOf('block'),
    allowed: () => valuesOf('allow'),
    async advance(db) {
      const breaches: string[] = [];
      for (;;) {
        const rows = await db.rows<Row>`
          select version, body, key_id, sig, hash from ${db.name(`shelf_${shelf}`)}.batch
           where lane = ${lane} and version > ${version} order by version limit ${page}`;
        for (const row of rows)
          take(row, (breach) => breaches.length < 20 && breaches.push(`${channel} version ${row.version}: ${breach}`));
        if (rows.length < page) break;
      }
      const row = await db.one<{ version: number; hash: string; count: number }>`
        select version, hash, count from ${db.name(`shelf_${shelf}`)}.lane where lane = ${lane}`;
      if (row !== undefined && row.version <= version && (row.version !== version || (version > 0 && row.hash !== last)))
        breaches.push(`${channel}: the lane stands at version ${row.version}, its batches at ${version}`);
      return breaches;
    },
  };
}
