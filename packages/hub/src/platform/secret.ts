import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool } from './db.ts';

/**
 * 32 bytes for one purpose, the same in every process of the hub. Half of it lies in the data folder (0600) and half in the database, so neither
 * a stolen back-up of the database nor the folder alone opens what is sealed with it. A process with a folder of its own shares the others' folder
 * file: without it, what was sealed before cannot be opened, which it says instead of making up another key.
 */
export async function hubSecret(dataDir: string, db: Pool, purpose: string): Promise<Uint8Array> {
  const path = join(dataDir, 'seal.key');
  await db.run`insert into platform.secret (name, value) values ('seal', ${randomBytes(32).toString('hex')}) on conflict do nothing`;
  const shared = await db.one<{ value: string }>`select value from platform.secret where name = 'seal'`;
  let local = await readFile(path, 'utf8').catch(() => undefined);
  if (local === undefined) {
    local = randomBytes(32).toString('hex');
    await writeFile(path, local, { mode: 0o600, flag: 'wx' });
  }
  const print = createHash('sha256').update(local).digest('hex');
  await db.run`insert into platform.secret (name, value) values ('seal-print', ${print}) on conflict do nothing`;
  const known = await db.one<{ value: string }>`select value from platform.secret where name = 'seal-print'`;
  if (known?.value !== print) {
    throw new Error(`The file ${path} does not belong to this database. Copy seal.key from the data folder of the hub's first process.`);
  }
  return new Uint8Array(hkdfSync('sha256', Buffer.from(`${shared?.value}${local}`, 'hex'), Buffer.alloc(0), purpose, 32));
}

/** 128 random bits in hex for one purpose, made once and kept in the database: it goes where the data goes, into back-ups too. */
export async function databaseSecret(db: Pool, purpose: string): Promise<string> {
  await db.run`insert into platform.secret (name, value) values (${purpose}, ${randomBytes(16).toString('hex')}) on conflict do nothing`;
  const row = await db.one<{ value: string }>`select value from platform.secret where name = ${purpose}`;
  if (row === undefined) throw new Error(`The secret ${purpose} vanished from the database.`);
  return row.value;
}
