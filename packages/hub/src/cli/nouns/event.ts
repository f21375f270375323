import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { each, exitOf } from '../batch.ts';
import type { Command, Context } from '../command.ts';
import { type Exit, Stop, wrongUsage } from '../exits.ts';
import { chunksOf, path } from '../hub.ts';
import { countField, duration, field, fields, plural, shown, table, time, timeField } from '../output.ts';
import { entityIdOf, list, pageOptions } from '../pages.ts';
import { flag, number, rows, text } from '../rows.ts';
import { ownEventColumns } from './report.ts';

const byId = { name: 'ID', help: 'Of the event.' };
const several = { name: 'ID', help: 'Of the events.', many: true };

/** Writes an answer to a file or to standard output as it comes. The file has its name only when it is whole. */
export async function save(context: Context, response: Response, file: string | undefined): Promise<void> {
  if (file === undefined) {
    const decoder = new TextDecoder();
    for await (const chunk of chunksOf(response)) context.io.stdout(decoder.decode(chunk, { stream: true }));
    return context.io.stdout(decoder.decode());
  }
  const partial = `${file}.partial`;
  try {
    await pipeline(chunksOf(response), createWriteStream(partial, { mode: 0o600 }));
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    if (error instanceof Stop) throw error;
    throw wrongUsage(
      `${shown(file)} cannot be written (${error instanceof Error && 'code' in error ? String(error.code) : String(error)}).`,
    );
  }
}

async function rule(context: Context, action: 'retraction' | 'consolidation', done: string): Promise<Exit> {
  const reason = context.given.text('reason');
  return exitOf(
    await each(
      context,
      context.args,
      (id) => id,
      async (id) => {
        const body = await context.hub.call('POST', path`/api/v1/events/${id}/${action}`, { json: reason === undefined ? {} : { reason } });
        context.answer(body);
        context.say(`${done}: ${shown(id)}\n`);
      },
    ),
  );
}

export const eventCommands: readonly Command[] = [
  {
    noun: 'event',
    verb: 'list',
    summary: 'Events that have been released to you, newest first',
    options: {
      search: { value: 'TEXT', help: 'With this in the title' },
      tag: { value: 'TAG', help: 'With this tag' },
      owner: { value: 'ENTITY', help: 'Of this entity, by id or name' },
      ...pageOptions,
    },
    async run(context) {
      const owner = context.given.text('owner');
      return list(context, {
        path: '/api/v1/events',
        key: 'events',
        query: {
          q: context.given.text('search'),
          tag: context.given.text('tag'),
          owner: owner === undefined ? undefined : await entityIdOf(context, owner),
        },
        columns: [
          timeField('RELEASED', 'releasedAt'),
          field('TLP', 'tlp'),
          field('OWNER', 'owner.name'),
          field('TITLE', 'title'),
          countField('VALUES', 'indicators'),
          { head: 'STRENGTH', of: (row) => (flag(row, 'consolidated') ? 'consolidated' : 'first report') },
          field('ID', 'id'),
        ],
        empty: 'No events have been released to you.',
      });
    },
  },
  {
    noun: 'event',
    verb: 'show',
    summary: 'One event with its values and comments',
    args: [byId],
    async run(context) {
      const body = await context.hub.call('GET', path`/api/v1/events/${context.args[0] ?? ''}`);
      context.answer(body);
      context.say(
        fields([
          ['id', text(body, 'id')],
          ['title', text(body, 'title')],
          ['owner', text(body, 'owner.name')],
          ['author', text(body, 'author.name')],
          ['marking', `TLP:${text(body, 'tlp').toUpperCase()}, PAP:${text(body, 'pap').toUpperCase()}, ${text(body, 'distribution')}`],
          ['published', time(body, 'publishedAt')],
          ['released', time(body, 'releasedAt')],
          ['strength', flag(body, 'consolidated') ? 'consolidated' : 'first report'],
          ['tags', text(body, 'tags')],
        ]),
      );
      const items = rows(body, 'items');
      const columns = [
        field('TYPE', 'type'),
        field('VALUE', 'value'),
        { head: 'BLOCKS', of: (row: Readonly<Record<string, unknown>>) => (flag(row, 'blockable') ? 'yes' : 'no') },
        field('COMMENT', 'comment'),
      ];
      context.say(`\n${table(items, columns)}`);
      const rest = number(body, 'indicators') - items.length;
      if (rest > 0) context.say(`And ${plural(rest, 'value')} more: rebato event values ${shown(text(body, 'id'))} --all\n`);
      for (const file of rows(body, 'attachments'))
        context.say(`Attachment: ${shown(text(file, 'name'))}, ${text(file, 'bytes')} bytes${flag(file, 'malware') ? ', malware' : ''}\n`);
      for (const comment of rows(body, 'comments'))
        context.say(`${time(comment, 'at')} ${shown(text(comment, 'by'))}: ${shown(text(comment, 'text'))}\n`);
      return 'ok';
    },
  },
  {
    noun: 'event',
    verb: 'values',
    summary: 'The values of an event, by pages',
    args: [byId],
    options: pageOptions,
    run: (context) =>
      list(context, {
        path: path`/api/v1/events/${context.args[0] ?? ''}/indicators`,
        key: 'indicators',
        columns: [
          field('TYPE', 'type'),
          field('VALUE', 'value'),
          field('CANONICAL', 'canonical'),
          field('COMMENT', 'comment'),
          field('ID', 'id'),
        ],
        empty: 'The event has no values.',
      }),
  },
  {
    noun: 'event',
    verb: 'export',
    summary: 'Print an event in the form of MISP or as a STIX 2.1 bundle',
    args: [byId],
    options: {
      format: { value: 'FORMAT', help: 'misp unless said', choices: ['misp', 'stix'] },
      output: { value: 'FILE', help: 'Write it here instead' },
    },
    async run(context) {
      const response = await context.hub.open('GET', path`/api/v1/events/${context.args[0] ?? ''}/export`, {
        query: { format: context.given.text('format') },
      });
      await save(context, response, context.given.text('output'));
      if (context.given.text('output') === undefined) context.io.stdout('\n');
      return 'ok';
    },
  },
  {
    noun: 'event',
    verb: 'comment',
    summary: 'Comment on an event that you can see',
    args: [byId, { name: 'TEXT', help: 'The comment.' }],
    async run(context) {
      const body = await context.hub.call('POST', path`/api/v1/events/${context.args[0] ?? ''}/comments`, {
        json: { text: context.args[1] },
      });
      context.answer(body);
      context.say(`Comment ${shown(text(body, 'id'))}\n`);
      return 'ok';
    },
  },
  {
    noun: 'event',
    verb: 'retract',
    summary: 'Take events back: their author, or an assessor',
    args: [several],
    options: { reason: { value: 'TEXT', help: 'Why; everybody who had it reads it', required: true } },
    run: (context) => rule(context, 'retraction', 'Retracted'),
  },
  {
    noun: 'event',
    verb: 'consolidate',
    summary: 'Confirm events: their blocks last, and delayed audiences have them now',
    args: [several],
    options: { reason: { value: 'TEXT', help: 'On what grounds' } },
    run: (context) => rule(context, 'consolidation', 'Consolidated'),
  },
];

async function verdict(context: Context, outcome: 'accept' | 'reject' | 'hold'): Promise<Exit> {
  const { args, given, hub } = context;
  const only = given.texts('only');
  if (only.length > 0 && args.length > 1) throw wrongUsage('--only names values of one event: give one id.');
  const reason = given.text('reason');
  const rest = { outcome, ...(only.length === 0 ? {} : { only }), ...(reason === undefined ? {} : { reason }) };
  if (args.length > verdictsMax) throw wrongUsage(`At most ${verdictsMax} events at once.`);
  const body = await hub.call('POST', '/api/v1/queue/verdicts', { json: { verdicts: args.map((id) => ({ id, ...rest })) } });
  context.answer(body);
  const results = rows(body, 'results');
  for (const each of results)
    context.say(`${shown(text(each, 'id'))}: ${flag(each, 'ok') ? pastOf[outcome] : shown(text(each, 'code'))}\n`);
  const refused = results.filter((each) => !flag(each, 'ok')).length;
  if (refused > 0) context.note(`${refused} of ${results.length} were refused. What the codes mean: ${hub.url}/api/docs/errors\n`);
  return exitOf({ done: results.length - refused, refused });
}

const verdictsMax = 500;
const pastOf = { accept: 'accepted', reject: 'rejected', hold: 'held' } as const;

const verdictCommand = (outcome: 'accept' | 'reject' | 'hold', summary: string): Command => ({
  noun: 'queue',
  verb: outcome,
  summary,
  args: [several],
  options: {
    only: { value: 'ID', help: 'Only these values of the one event; all that wait unless said', many: true, commas: true },
    reason: { value: 'TEXT', help: outcome === 'reject' ? 'Why; its author reads it' : 'On what grounds', required: outcome === 'reject' },
  },
  run: (context) => verdict(context, outcome),
});

export const queueCommands: readonly Command[] = [
  {
    noun: 'queue',
    verb: 'list',
    summary: 'What waits for assessment: most dangerous first, then oldest',
    options: {
      held: { help: 'Events in which the guard holds values, instead' },
      limit: { value: 'N', help: 'How many, 50 unless said', between: [1, 500] },
    },
    async run(context) {
      const body = await context.hub.call('GET', '/api/v1/queue', {
        query: { held: context.given.is('held') ? true : undefined, limit: context.given.integer('limit') },
      });
      context.answer(body);
      const items = rows(body, 'items');
      context.say(
        items.length === 0
          ? 'Nothing waits.\n'
          : table(items, [
              { head: 'WAITS', of: (row) => duration(number(row, 'waitingMs')), right: true },
              countField('DANGER', 'danger'),
              field('OWNER', 'owner.name'),
              field('TITLE', 'title'),
              countField('VALUES', 'indicators'),
              field('TAKEN BY', 'claimedBy'),
              field('ID', 'id'),
            ]),
      );
      return 'ok';
    },
  },
  {
    noun: 'queue',
    verb: 'show',
    summary: 'One waiting event, with what the guard says and who else reported its values',
    args: [byId],
    async run(context) {
      const body = await context.hub.call('GET', path`/api/v1/queue/${context.args[0] ?? ''}`);
      context.answer(body);
      if (context.json) return 'ok';
      context.say(table([body as Readonly<Record<string, unknown>>], ownEventColumns));
      context.say(
        fields([
          ['owner', text(body, 'owner.name')],
          [
            'record',
            `${number(body, 'owner.published')} published, ${number(body, 'owner.rejected')} rejected, ${number(body, 'owner.retracted')} retracted`,
          ],
          ['waits', duration(number(body, 'waitingMs'))],
          ['taken by', text(body, 'claimedBy')],
        ]),
      );
      context.say(
        `\n${table(rows(body, 'items'), [
          field('STATE', 'state'),
          field('TYPE', 'type'),
          field('VALUE', 'canonical'),
          countField('VOICES', 'voices'),
          field('WHY', 'reason'),
          field('ID', 'id'),
        ])}`,
      );
      return 'ok';
    },
  },
  {
    noun: 'queue',
    verb: 'claim',
    summary: 'Take a waiting event, so that two assessors do not work on one',
    args: [byId],
    async run(context) {
      context.answer(await context.hub.call('POST', path`/api/v1/queue/${context.args[0] ?? ''}/claim`));
      context.say(`Yours: ${shown(context.args[0] ?? '')}\n`);
      return 'ok';
    },
  },
  verdictCommand('accept', 'Accept waiting events, or some of their values'),
  verdictCommand('reject', 'Reject waiting events, or some of their values'),
  verdictCommand('hold', 'Hold waiting events, or some of their values'),
];
