import { setTimeout as wait } from 'node:timers/promises';
import type { Command, Context } from '../command.ts';
import { Stop, wrongUsage } from '../exits.ts';
import { chunksOf } from '../hub.ts';
import { field, plural, shown, table, timeField } from '../output.ts';
import { timeOf } from '../pages.ts';
import { isRow, number, rows, text, texts } from '../rows.ts';
import { type Message, messagesOf } from '../sse.ts';

/** The hub takes this many in one request. */
const valuesMax = 1_000;

const lookup: Command = {
  noun: 'lookup',
  summary: 'What has been released to you on values, in any spelling',
  args: [{ name: 'VALUE', help: 'Address, domain, URL, hash …; defanged ones too.', many: true }],
  examples: ['rebato lookup 192.0.2[.]7 hxxps://evil[.]example/login'],
  async run(context) {
    if (context.args.length > valuesMax) throw wrongUsage(`At most ${valuesMax} values at once.`);
    const body = await context.hub.call('POST', '/api/v1/values/lookup', { json: { values: context.args } });
    context.answer(body);
    for (const value of rows(body, 'values')) {
      const events = rows(value, 'events');
      const sightings = rows(value, 'sightings');
      const name = text(value, 'canonical') || text(value, 'value');
      if (text(value, 'problem') !== '') context.say(`${shown(name)}: ${shown(text(value, 'problem'))}\n`);
      else
        context.say(
          `${shown(name)} (${shown(text(value, 'kind'))}): ${plural(events.length, 'event')}, ${plural(sightings.length, 'sighting')}\n`,
        );
      context.say(
        table(events, [
          timeField('RELEASED', 'releasedAt'),
          field('TLP', 'tlp'),
          field('OWNER', 'owner'),
          field('EVENT', 'title'),
          field('ID', 'id'),
        ]),
      );
      context.say(table(sightings, [timeField('AT', 'at'), field('BY', 'by'), field('AS', 'type')]));
    }
    return 'ok';
  },
};

const sight: Command = {
  noun: 'sight',
  summary: 'Say that you have seen values, or that they are false positives or over at your place',
  args: [{ name: 'VALUE', help: 'In any spelling.', many: true }],
  options: {
    as: { value: 'WHAT', help: 'seen unless said', choices: ['seen', 'false_positive', 'expired'] },
    type: { value: 'TYPE', help: 'MISP attribute type; recognised from the value unless said' },
    at: { value: 'TIME', help: 'When; now unless said' },
    source: { value: 'TEXT', help: 'Where it was seen, such as the name of a sensor' },
  },
  async run(context) {
    const { args, given } = context;
    if (args.length > valuesMax) throw wrongUsage(`At most ${valuesMax} values at once.`);
    const rest = { sighting: given.text('as'), type: given.text('type'), at: timeOf(context, 'at'), source: given.text('source') };
    const shared = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    const body = await context.hub.call('POST', '/api/v1/sightings', { json: { sightings: args.map((value) => ({ value, ...shared })) } });
    context.answer(body);
    context.say(`${plural(texts(body, 'ids').length, 'sighting')} told.\n`);
    return 'ok';
  },
};

/** A hub that restarts is back within seconds; one that stays away this often ends the command. */
const failuresMax = 20;
const pauseFirstMs = 500;
const pauseMaxMs = 15_000;

const stream: Command = {
  noun: 'stream',
  summary: 'Follow what is released to you, one line per entry, until interrupted',
  more: 'A broken connection is taken up again where it ended.',
  options: {
    topics: { value: 'TOPIC', help: 'Only these', many: true, commas: true },
    after: { value: 'CURSOR', help: 'Go on after this position, as an earlier run said' },
    count: { value: 'N', help: 'End after so many', between: [1, 1_000_000_000] },
    once: { help: 'End when the connection breaks' },
  },
  run: follow,
};

async function follow(context: Context): Promise<'ok'> {
  const { hub, given } = context;
  const topics = given.texts('topics').join(',');
  const count = given.integer('count') ?? Number.POSITIVE_INFINITY;
  let cursor = given.text('after');
  let printed = 0;
  for (let failures = 0; ; failures += 1) {
    const ended = new AbortController();
    try {
      const response = await hub.open('GET', '/api/v1/stream', {
        query: { topics: topics === '' ? undefined : topics },
        headers: { accept: 'text/event-stream', ...(cursor === undefined ? {} : { 'last-event-id': cursor }) },
        signal: ended.signal,
      });
      for await (const message of messagesOf(chunksOf(response))) {
        failures = 0;
        cursor = message.id ?? cursor;
        if (message.event === 'hello' || message.event === 'bye') continue;
        if (message.event === 'resync') {
          context.note(
            'Entries were missed: the position is too old, or of before a restore. What is current: rebato event list, rebato decision list\n',
          );
          continue;
        }
        printMessage(context, message);
        printed += 1;
        if (printed >= count) {
          if (cursor !== undefined) context.note(`Go on with --after ${shown(cursor)}\n`);
          return 'ok';
        }
      }
    } catch (error) {
      if (!(error instanceof Stop) || error.exit === 'refused' || error.exit === 'usage' || given.is('once') || failures >= failuresMax)
        throw error;
    } finally {
      ended.abort();
    }
    if (given.is('once'))
      throw new Stop('unreachable', `The hub ended the stream.${cursor === undefined ? '' : ` Go on with --after ${shown(cursor)}`}`);
    if (failures >= failuresMax) throw new Stop('unreachable', 'The hub ends the stream again and again.');
    await wait(Math.min(pauseMaxMs, pauseFirstMs * 2 ** Math.min(failures, 10)));
  }
}

function printMessage(context: Context, message: Message): void {
  let data: unknown;
  try {
    data = JSON.parse(message.data);
  } catch {
    data = message.data;
  }
  context.answer(data);
  const body = isRow(data) && isRow(data.body) ? data.body : {};
  const about = ['title', 'value', 'text', 'reason'].map((name) => text(body, name)).find((word) => word !== '') ?? '';
  const values = number(body, 'indicators');
  context.say(
    `${[text(data, 'at'), message.event, text(data, 'object'), shown(about), values === 0 ? '' : plural(values, 'value')]
      .map(shown)
      .filter((word) => word !== '')
      .join('  ')}\n`,
  );
}

export const valueCommands: readonly Command[] = [lookup, sight, stream];
