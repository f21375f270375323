import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import { type Lock, type ReadTesting, readContainer } from './container.ts';
import { BackupRefused, damaged } from './errors.ts';
import { contentVersion, file, type Head, head, headVersion, type Manifest, manifest, readAs, table } from './form.ts';
import { readRecords } from './records.ts';
import { createTally, type Tally } from './tally.ts';

export type Step =
  | { readonly kind: 'head'; readonly head: Head }
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'table'; readonly schema: string; readonly table: string; readonly columns: readonly string[] }
  /** Rows of the last table, cut anywhere. */
  | { readonly kind: 'data'; readonly bytes: Buffer }
  /** All was as the manifest says. Whoever did not see this step has seen no backup. */
  | { readonly kind: 'end'; readonly manifest: Manifest };

/** Reads a backup in its order with constant memory, checking everything on the way. Throws BackupRefused on the first fault. */
export async function* readBackup(
  source: AsyncIterable<Uint8Array>,
  lock: Lock | undefined,
  testing: ReadTesting = {},
): AsyncGenerator<Step> {
  const plain = Readable.from(readContainer(source, lock, testing), { objectMode: false });
  const loose = createZstdDecompress();
  let cause: unknown;
  plain.once('error', (error) => {
    cause = error;
  });
  // With pipeline the failure of one end is the failure of the other.
  pipeline(plain, loose, () => undefined);
  try {
    yield* checked(readRecords(loose), testing);
  } catch (error) {
    if (cause instanceof Error) throw cause;
    if (isZstd(error)) throw damaged('it cannot be unpacked');
    throw error;
  } finally {
    plain.destroy();
  }
}

const isZstd = (error: unknown): boolean => error instanceof Error && 'code' in error && /^(?:ZSTD_|Z_|ERR_)/.test(String(error.code));

async function* checked(records: ReturnType<typeof readRecords>, testing: ReadTesting): AsyncGenerator<Step> {
  let state: 'start' | 'body' | 'end' = 'start';
  let tally: Tally | undefined;
  const tables: Manifest['tables'] = [];
  const files: Manifest['files'] = [];
  for await (const { kind, bytes } of records) {
    if (state === 'end' || (state === 'start') !== (kind === 'H')) throw damaged('its parts are not in their order');
    if (kind !== 'D' && tally !== undefined) {
      tables.push(tally.end());
      tally = undefined;
    }
    if (kind === 'H') {
      const { content } = readAs(headVersion, bytes);
      if (content > contentVersion)
        throw new BackupRefused('newer', 'The backup comes from a newer release, which writes it in another form. Use that release.');
      state = 'body';
      yield { kind: 'head', head: readAs(head, bytes) };
    } else if (kind === 'F') {
      const { name, text } = readAs(file, bytes);
      files.push({ name, sha256: createHash('sha256').update(text).digest('hex') });
      yield { kind: 'file', name, text };
    } else if (kind === 'T') {
      const name = readAs(table, bytes);
      tally = createTally(name);
      yield { kind: 'table', ...name };
    } else if (kind === 'D') {
      if (tally === undefined) throw damaged('its parts are not in their order');
      tally.add(bytes);
      yield { kind: 'data', bytes };
    } else {
      state = 'end';
      const said = readAs(manifest, bytes);
      const same = JSON.stringify([said.tables, said.files]) === JSON.stringify([tables, files]);
      if (!same && testing.skipDigests !== true) throw damaged('its tables are not those that its end lists');
      yield { kind: 'end', manifest: said };
    }
  }
  if (state !== 'end') throw damaged('its end is missing');
}
