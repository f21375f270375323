import { createHash } from 'node:crypto';
import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Envelope } from '@rebato/contract';
import type { ClockRecord, MachineClock } from '../clock.ts';
import { limits } from '../limits.ts';
import { linesOf } from '../lines.ts';
import type { ChannelHead } from '../trust/ring.ts';
import { readEntry } from '../trust/shape.ts';
import { Channel } from './channel.ts';
import { DecisionSet, keyOf, kindOf, textOf } from './decisions.ts';
import { replaceFile, syncFolder } from './files.ts';
import { decodeRecord, encodeRecord, Journal } from './journal.ts';
import { type LockHolder, takeLock } from './lock.ts';
import { StateBuilder } from './state-builder.ts';
import type { JournalRecord, LoadedState, Store, StoredState } from './store.ts';

/** Another agent runs on this state folder. */
export class StateInUseError extends Error {
  constructor(folder: string, holder: LockHolder) {
    super(`another agent (process ${holder.pid}) runs on the state folder ${folder}`);
  }
}

const format = 1;
const entriesPerWrite = 1_000;
/** A record of the journal holds one body and its escapes. */
const recordMaxBytes = limits.bodyBytes * 3;

type FileHeader = {
  readonly format: typeof format;
  readonly certificate: Envelope | null;
  readonly order: Envelope | null;
  readonly clock: ClockRecord | null;
  readonly channels: readonly (ChannelHead & { readonly mode: 'normal' | 'halt'; readonly createdMs: number })[];
};

/**
 * The state in one folder: `set-N.dat`, everything at one moment, and `journal-N.log`, what happened since. A new generation begins with its
 * journal; the set follows while changes go on, so it may hold some of them already, which replaying them again does not hurt. Generation N is
 * removed only when N+1 stands complete on the disk, so at every moment one complete set and all journals since are there.
 */
export async function openDiskStore(folder: string, clock: MachineClock): Promise<Store> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = takeLock(folder, clock);
  if ('pid' in lock) throw new StateInUseError(folder, lock);
  const path = (name: string): string => join(folder, name);
  let generation = 0;
  let journal: Journal | undefined;
  let closed = false;

  const files = (prefix: string, suffix: string): number[] =>
    readdirSync(folder)
      .filter((name) => name.startsWith(prefix) && name.endsWith(suffix))
      .map((name) => Number(name.slice(prefix.length, -suffix.length)))
      .filter((number) => Number.isSafeInteger(number) && number >= 0)
      .sort((a, b) => a - b);

  async function load(): Promise<LoadedState> {
    const builder = new StateBuilder();
    const sets = files('set-', '.dat');
    const journals = files('journal-', '.log');
    let base: number | undefined;
    for (const number of sets.toReversed()) {
      const problem = await readSet(path(`set-${number}.dat`), builder);
      if (problem === undefined) {
        base = number;
        break;
      }
      builder.damage(`set-${number}.dat: ${problem}`);
    }
    if (base === undefined && (sets.length > 0 || journals.some((number) => number > 0))) builder.damage('no complete set is left');
    const following = journals.filter((number) => number >= (base ?? 0));
    following.forEach((number, index) => {
      if (index > 0 && number !== (following[index - 1] ?? 0) + 1) builder.damage('a journal is missing');
    });
    if (base !== undefined && following.length > 0 && following[0] !== base) builder.damage('a journal is missing');
    for (const number of following) await readJournal(path(`journal-${number}.log`), builder, number === following.at(-1));
    generation = Math.max(0, ...sets, ...journals);
    if (builder.damaged !== undefined) generation++;
    journal = await Journal.open(path(`journal-${generation}.log`));
    await syncFolder(folder);
    return builder.finish();
  }

  async function rewrite(state: () => StoredState): Promise<void> {
    const next = generation + 1;
    const nextJournal = await Journal.open(path(`journal-${next}.log`));
    await syncFolder(folder);
    const before = journal;
    // From here on without a pause until the header is made, so that the header stands at the beginning of the new journal.
    journal = nextJournal;
    generation = next;
    const view = state();
    const channels = [...view.channels.values()];
    const header: FileHeader = {
      format,
      certificate: view.certificate ?? null,
      order: view.order ?? null,
      clock: view.clock ?? null,
      channels: channels.map((one) => ({ ...one.head, mode: one.mode, createdMs: one.createdMs })),
    };
    // What was pending in the old journal is carried over, numbered as it was.
    const carried: JournalRecord[] = view.sweeps.map((channel) => ({ t: 'sweep', channel }));
    for (const { number, receipt } of view.receipts.receipts) carried.push({ t: 'receipts', first: number, receipts: [receipt] });
    carried.push({ t: 'receipts', first: view.receipts.next, receipts: [] });
    const carriedOver = Promise.all(carried.map((record) => nextJournal.append(record, true)));
    carriedOver.catch(() => {});
    await before?.close().catch(() => {});
    await replaceFile(
      path(`set-${next}.dat`),
      async (handle) => {
        const content = createHash('sha256');
        const put = async (text: string): Promise<void> => {
          content.update(text);
          await handle.writeFile(text);
        };
        await put(encodeRecord(JSON.stringify(header)));
        for (const [index, channel] of channels.entries()) {
          let text = '';
          for (let slot = 0, lines = 0; slot < channel.set.slotEnd; slot++) {
            const key = channel.set.keyAt(slot);
            if (key === undefined) continue;
            text += entryLine(index, channel.set, slot, key);
            if (++lines % entriesPerWrite === 0) {
              await put(text);
              text = '';
            }
          }
          if (text !== '') await put(text);
        }
        await handle.writeFile(encodeRecord(JSON.stringify({ end: content.digest('hex') })));
      },
      0o600,
    );
    await carriedOver;
    for (const number of files('set-', '.dat')) if (number < next) unlinkSync(path(`set-${number}.dat`));
    for (const number of files('journal-', '.log')) if (number < next) unlinkSync(path(`journal-${number}.log`));
  }

  let rewriting: Promise<void> | undefined;
  return {
    load,
    append: (record, durable) => (journal && !closed ? journal.append(record, durable) : Promise.reject(new Error('the state is closed'))),
    needsRewrite: () => rewriting === undefined && journal !== undefined && (journal.failed || journal.bytes > limits.journalBytes),
    rewrite(state) {
      // One at a time, each complete: the second of two callers wants what is true after the first.
      const previous = rewriting ?? Promise.resolve();
      const mine: Promise<void> = previous
        .catch(() => {})
        .then(() => rewrite(state))
        .finally(() => {
          if (rewriting === mine) rewriting = undefined;
        });
      rewriting = mine;
      return mine;
    },
    isOff: () => existsSync(path('off')),
    isMine: () => lock.held(),
    writeStatus(make) {
      try {
        writeFileSync(path('status.json.new'), make(), { mode: 0o600 });
        renameSync(path('status.json.new'), path('status.json'));
      } catch {
        // A full disk must not stop the enforcement; `status` then shows an old time.
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      await rewriting?.catch(() => {});
      await journal?.close().catch(() => {});
      lock.release();
    },
  };
}

function entryLine(channel: number, set: DecisionSet, slot: number, key: string): string {
  const { id, action, strength, confidence, until } = set.decision(slot);
  const fields = [id, kindOf(key), textOf(key), action, strength, confidence, until, channel, set.sinceMs(slot), set.isHeld(slot) ? 1 : 0];
  return `${JSON.stringify(fields)}\n`;
}

/** Returns what is wrong with the file, or undefined. On success the builder holds its content. */
async function readSet(file: string, builder: StateBuilder): Promise<string | undefined> {
  const content = createHash('sha256');
  const channels: Channel[] = [];
  let header: FileHeader | undefined;
  let ended = false;
  try {
    for await (const lines of linesOf(createReadStream(file, { highWaterMark: 256 << 10 }), recordMaxBytes)) {
      for (const line of lines) {
        if (ended) return 'more after its end';
        if (!header) {
          header = decodeRecord(line) as FileHeader | undefined;
          if (header?.format !== format) return 'its header is unreadable';
          for (const { mode, createdMs, ...head } of header.channels) {
            builder.raiseFloor(head);
            channels.push(new Channel(head, mode, createdMs, new DecisionSet()));
          }
        } else if (line[8] === ' ' && line.includes('"end"') && line[0] !== '[') {
          const end = decodeRecord(line) as { end?: string } | undefined;
          if (end?.end !== content.digest('hex')) return 'its checksum is wrong';
          ended = true;
          continue;
        } else {
          const fields = JSON.parse(line) as unknown[];
          const entry = readEntry(fields);
          const channel = channels[Number(fields[7])];
          if (!entry || !channel) return 'an entry is unreadable';
          channel.set.put(keyOf(entry.kind, entry.value), entry, { sinceMs: Number(fields[8]), held: fields[9] === 1 });
        }
        content.update(`${line}\n`);
      }
    }
  } catch (error) {
    return error instanceof Error ? error.message : 'unreadable';
  }
  if (!header || !ended) return 'it is cut off';
  builder.start(header.certificate ?? undefined, header.order ?? undefined, header.clock ?? undefined, channels);
  return undefined;
}

async function readJournal(file: string, builder: StateBuilder, isLast: boolean): Promise<void> {
  let badLine = false;
  let goodBytes = 0;
  const endsWhole = statSync(file).size === 0 || (await lastByte(file)) === 10;
  try {
    for await (const lines of linesOf(createReadStream(file, { highWaterMark: 256 << 10 }), recordMaxBytes)) {
      for (const line of lines) {
        // Something readable behind something unreadable: not the cut of a crash but damage.
        if (badLine) builder.damage(`${file}: a record is unreadable`);
        const record = decodeRecord(line) as JournalRecord | undefined;
        badLine = record === undefined;
        if (!record) continue;
        goodBytes += Buffer.byteLength(line) + 1;
        builder.replay(record);
      }
    }
  } catch (error) {
    builder.damage(`${file}: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
  if (badLine || !endsWhole) {
    // The torn end goes, because the next record would be taken for part of it.
    if (isLast && builder.damaged === undefined) {
      builder.torn = true;
      if (endsWhole || badLine) truncateSync(file, goodBytes);
      else appendFileSync(file, '\n');
    } else builder.damage(`${file}: it is cut off`);
  }
}

async function lastByte(file: string): Promise<number | undefined> {
  const size = statSync(file).size;
  for await (const chunk of createReadStream(file, { start: size - 1 })) return (chunk as Buffer)[0];
  return undefined;
}
