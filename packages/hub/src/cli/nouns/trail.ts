import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type TrailKeys, type TrailReport, verifyExport, type Witness } from '#platform/trail';
import type { Command, Context } from '../command.ts';
import { type Exit, Stop, wrongUsage } from '../exits.ts';
import { chunksOf, path } from '../hub.ts';
import { plural, shown } from '../output.ts';
import { at, isRow, number, rows, text } from '../rows.ts';
import { save } from './event.ts';

/** The keys that sign checkpoints, from a file that somebody keeps, or from the hub. */
async function keysOf(context: Context): Promise<TrailKeys | undefined> {
  const file = context.given.text('keys');
  if (file === undefined) return keysOfHub(context);
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, 'utf8'));
  } catch {
    throw wrongUsage(`${shown(file)} cannot be read as JSON.`);
  }
  const pairs = pairsIn(content);
  if (pairs.size === 0) throw wrongUsage(`${shown(file)} holds no keys: it should be what \`rebato trail keys\` prints.`);
  return pairs;
}

const pairsIn = (body: unknown): TrailKeys =>
  new Map(
    rows(body, 'items')
      .filter((row) => text(row, 'keyId') !== '' && text(row, 'publicKey') !== '')
      .map((row) => [text(row, 'keyId'), text(row, 'publicKey')]),
  );

/** Undefined from a hub that does not hand its keys out. */
async function keysOfHub(context: Context): Promise<TrailKeys | undefined> {
  try {
    return pairsIn(await context.hub.call('GET', '/api/v1/trail/keys'));
  } catch (error) {
    if (error instanceof Stop && text(error.json, 'code') === 'http.not_found') return undefined;
    throw error;
  }
}

function witnessesOf(context: Context): readonly Witness[] {
  return context.given.texts('witness').map((pair) => {
    const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(pair) ?? [];
    if (seq === undefined || hash === undefined)
      throw wrongUsage(`--witness is a position and a hash, such as 1200:9f86…, not "${shown(pair)}".`);
    return { seq: Number(seq), hash };
  });
}

async function verify(context: Context): Promise<Exit> {
  const { args, hub, given } = context;
  const [file] = args;
  const witnesses = witnessesOf(context);
  const keys = await keysOf(context);
  if (file !== undefined) {
    if (keys === undefined) throw wrongUsage('The hub does not hand out its keys: give --keys FILE.');
    // Opened first, so that a file that is not there is not taken for a broken one.
    const stream = createReadStream(file);
    await new Promise<void>((opened, failed) => stream.once('open', () => opened()).once('error', failed)).catch(() => {
      throw wrongUsage(`${shown(file)} cannot be read.`);
    });
    return judge(context, await verifyExport(stream, keys, witnesses), 'Checked here.');
  }
  if (keys === undefined) {
    if (given.is('witness')) throw wrongUsage('The hub does not hand out its keys: with --witness, give --keys FILE.');
    const report = await hub.call('GET', '/api/v1/trail/verification');
    if (!isRow(report) || typeof report.ok !== 'boolean')
      throw new Stop('hubFailed', 'The hub answered with something else than a report.');
    return judge(
      context,
      report as unknown as TrailReport,
      'The hub checked itself: this hub does not hand out the keys to check it elsewhere; --keys FILE does.',
    );
  }
  const response = await hub.open('GET', '/api/v1/trail/export', { headers: { accept: 'application/x-ndjson' } });
  const source = given.is('keys') ? '' : ' The keys came from the hub itself: keep those of `rebato trail keys` and give them with --keys.';
  return judge(context, await verifyDownload(response, keys, witnesses), `Checked here.${source}`);
}

/** A connection that breaks is bad luck and no damage: the verifier would take the cut for a fault of the trail. */
async function verifyDownload(response: Response, keys: TrailKeys, witnesses: readonly Witness[]): Promise<TrailReport> {
  let broken: unknown;
  async function* whole(): AsyncGenerator<Uint8Array> {
    try {
      yield* chunksOf(response);
    } catch (error) {
      broken = error;
      throw error;
    }
  }
  const report = await verifyExport(whole(), keys, witnesses);
  if (broken !== undefined) throw broken;
  return report;
}

function judge(context: Context, report: TrailReport, how: string): Exit {
  context.answer(report);
  const counted = `${plural(number(report, 'entries'), 'entry', 'entries')}, ${plural(number(report, 'checkpoints'), 'checkpoint')}`;
  if (report.ok) {
    context.say(`The trail is whole: ${counted}, ${number(report, 'unsigned')} of the entries not signed yet. ${how}\n`);
    return 'ok';
  }
  context.say(
    `THE TRAIL IS DAMAGED at entry ${number(report, 'firstBad.seq')}: ${shown(text(report, 'firstBad.why'))}. Good before it: ${counted}.\n`,
  );
  context.note('Keep the database as it is, and compare with an export or backup of before.\n');
  return 'failed';
}

export const trailCommands: readonly Command[] = [
  {
    noun: 'trail',
    verb: 'verify',
    summary: 'Check that nothing in the record of who did what was changed, left out or cut off',
    more: 'Downloads the trail and checks every hash and signature on this machine; with FILE, an export of before.',
    args: [{ name: 'FILE', help: 'An export, instead of downloading one.', optional: true }],
    options: {
      keys: { value: 'FILE', help: 'Keys that were kept, as `trail keys` prints them' },
      witness: { value: 'SEQ:HASH', help: 'A position that was written down; the trail has to pass through it', many: true },
    },
    run: verify,
  },
  {
    noun: 'trail',
    verb: 'export',
    summary: 'Save the whole trail with its signatures, to be verified elsewhere',
    args: [{ name: 'FILE', help: 'Where to, or - for standard output.' }],
    async run(context) {
      const [file = '-'] = context.args;
      const response = await context.hub.open('GET', '/api/v1/trail/export', { headers: { accept: 'application/x-ndjson' } });
      await save(context, response, file === '-' ? undefined : file);
      if (file !== '-') context.say(`Saved in ${shown(file)}. Check it: rebato trail verify ${shown(file)}\n`);
      return 'ok';
    },
  },
  {
    noun: 'trail',
    verb: 'keys',
    summary: 'The public keys that sign the trail, to be kept elsewhere',
    async run(context) {
      const body = await context.hub.call('GET', '/api/v1/trail/keys');
      // Its output is a file for --keys, with or without --json.
      context.io.stdout(`${JSON.stringify(body)}\n`);
      return 'ok';
    },
  },
  {
    noun: 'trail',
    verb: 'sign',
    summary: 'Sign the end of the trail now',
    async run(context) {
      const body = await context.hub.call('POST', path`/api/v1/trail/checkpoint`);
      context.answer(body);
      context.say(at(body, 'signed') === true ? 'Signed.\n' : 'Nothing new to sign.\n');
      return 'ok';
    },
  },
];
