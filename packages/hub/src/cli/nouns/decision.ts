import { valueKinds } from '@rebato/contract';
import { each, exitOf } from '../batch.ts';
import type { Command, Context } from '../command.ts';
import { type Exit, wrongUsage } from '../exits.ts';
import { path } from '../hub.ts';
import { countField, field, fields, plural, shown, table, time, timeField } from '../output.ts';
import { isUuid, list, listWhole, pageOptions, timeOf } from '../pages.ts';
import { flag, number, rows, text } from '../rows.ts';

const which = { name: 'DECISION', help: 'Id, or the value in any spelling.' };
const several = { ...which, many: true };
const reasonOption = { value: 'TEXT', help: 'On what grounds', required: true };

/** Decisions on one value: one for each kind that it could be. */
const sameValueMax = 100;

/** The id of a decision that is given by id or by value. Values are compared as the hub writes them, so defanged ones are found too. */
async function decisionIdOf(context: Context, idOrValue: string): Promise<string> {
  if (isUuid(idOrValue)) return idOrValue.toLowerCase();
  const looked = rows(await context.hub.call('GET', '/api/v1/values', { query: { value: idOrValue } }), 'values')[0];
  const canonical = text(looked, 'canonical') || idOrValue;
  const found = rows(
    await context.hub.call('GET', '/api/v1/decisions', { query: { q: canonical, limit: sameValueMax } }),
    'decisions',
  ).filter((row) => text(row, 'value') === canonical);
  const [first, ...more] = found;
  if (first === undefined) throw wrongUsage(`No decision on "${shown(canonical)}" is in force for you.`);
  if (more.length > 0)
    throw wrongUsage(
      `Several decisions are on "${shown(canonical)}"; give an id: ${found.map((row) => `${text(row, 'id')} (${text(row, 'kind')})`).join(', ')}.`,
    );
  return text(first, 'id');
}

async function rule(context: Context, ruling: 'consolidated' | 'retracted' | null, done: string): Promise<Exit> {
  return exitOf(
    await each(
      context,
      context.args,
      (word) => word,
      async (word) => {
        const id = await decisionIdOf(context, word);
        const body = await context.hub.call('POST', path`/api/v1/decisions/${id}/ruling`, {
          json: { ruling, reason: context.given.text('reason') },
        });
        context.answer(body);
        context.say(`${done}: ${shown(text(body, 'value'))}\n`);
      },
    ),
  );
}

const liftColumns = [
  field('KIND', 'kind'),
  field('VALUE', 'value'),
  { head: 'AS', of: (row: Readonly<Record<string, unknown>>) => (flag(row, 'falsePositive') ? 'false positive' : 'exception') },
  timeField('SINCE', 'liftedAt'),
  timeField('UNTIL', 'until'),
  field('BY', 'liftedBy'),
  field('REASON', 'reason'),
  field('ID', 'id'),
];

export const decisionCommands: readonly Command[] = [
  {
    noun: 'decision',
    verb: 'list',
    summary: 'Decisions in force for you, newest change first',
    options: {
      kind: { value: 'KIND', help: 'Of this kind', choices: valueKinds },
      search: { value: 'TEXT', help: 'With this in the value' },
      gone: { help: 'Those no longer in force, instead' },
      ...pageOptions,
    },
    run: (context) =>
      list(context, {
        path: '/api/v1/decisions',
        key: 'decisions',
        query: { kind: context.given.text('kind'), q: context.given.text('search'), gone: context.given.is('gone') ? true : undefined },
        columns: [
          field('ACTION', 'action'),
          field('KIND', 'kind'),
          field('VALUE', 'value'),
          field('STRENGTH', 'strength'),
          countField('SURE', 'confidence'),
          countField('VOICES', 'voices'),
          timeField('UNTIL', 'until'),
          ...(context.given.is('gone') ? [field('GONE', 'gone')] : []),
          field('ID', 'id'),
        ],
        empty: 'No decisions are in force for you.',
      }),
  },
  {
    noun: 'decision',
    verb: 'show',
    summary: 'Why a value is blocked, on whose evidence, until when, and where it is in force',
    args: [which],
    async run(context) {
      const body = await context.hub.call('GET', path`/api/v1/decisions/${await decisionIdOf(context, context.args[0] ?? '')}`);
      context.answer(body);
      context.say(
        fields([
          ['id', text(body, 'id')],
          ['decision', `${text(body, 'action')} ${text(body, 'kind')} ${text(body, 'value')}`],
          [
            'strength',
            `${text(body, 'strength')}, ${number(body, 'confidence')} % sure, ${plural(number(body, 'voices'), 'independent source')}`,
          ],
          ['decided', time(body, 'decidedAt')],
          ['changed', time(body, 'changedAt')],
          ['until', text(body, 'until') === '' ? 'until removed' : time(body, 'until')],
          ['gone', text(body, 'gone')],
          ['at home', flag(body, 'lifted') ? 'lifted' : ''],
        ]),
      );
      section(
        context,
        'Evidence',
        table(rows(body, 'evidence'), [
          timeField('RELEASED', 'releasedAt'),
          field('BY', 'owner'),
          field('TLP', 'tlp'),
          field('EVENT', 'title'),
          field('ID', 'eventId'),
        ]),
      );
      section(context, 'Sightings', table(rows(body, 'sightings'), [timeField('AT', 'at'), field('BY', 'by'), field('AS', 'type')]));
      section(
        context,
        'At your own controls',
        table(rows(body, 'enforcement'), [
          field('CONTROL', 'name'),
          field('STATE', 'state'),
          timeField('AT', 'at'),
          { head: 'TOOK', of: (row) => (text(row, 'ms') === '' ? '' : `${text(row, 'ms')} ms`), right: true },
          field('REASON', 'reason'),
        ]),
      );
      return 'ok';
    },
  },
  {
    noun: 'decision',
    verb: 'retract',
    summary: 'Take decisions out of force in the whole network',
    args: [several],
    options: { reason: reasonOption },
    run: (context) => rule(context, 'retracted', 'Retracted'),
  },
  {
    noun: 'decision',
    verb: 'consolidate',
    summary: 'Make decisions last',
    args: [several],
    options: { reason: reasonOption },
    run: (context) => rule(context, 'consolidated', 'Consolidated'),
  },
  {
    noun: 'decision',
    verb: 'unrule',
    summary: 'Take a retraction or consolidation back',
    args: [several],
    options: { reason: reasonOption },
    run: (context) => rule(context, null, 'Without a ruling again'),
  },
  {
    noun: 'decision',
    verb: 'lift',
    summary: 'Lift blocks at your own controls',
    args: [several],
    options: {
      reason: reasonOption,
      until: { value: 'TIME', help: 'Only until then: a time, or an amount such as 12h or 7d' },
      'false-positive': { help: 'It is a false positive: an assessor rules for everybody' },
    },
    async run(context) {
      const until = timeOf(context, 'until');
      const outcome = await each(
        context,
        context.args,
        (word) => word,
        async (word) => {
          const id = await decisionIdOf(context, word);
          const body = await context.hub.call('POST', path`/api/v1/decisions/${id}/lift`, {
            json: {
              reason: context.given.text('reason'),
              ...(until === undefined ? {} : { until }),
              ...(context.given.is('false-positive') ? { falsePositive: true } : {}),
            },
          });
          context.answer(body);
          context.say(
            `Lifted at home: ${shown(text(body, 'value'))}. Back into force: rebato decision restore ${shown(text(body, 'id'))}\n`,
          );
        },
      );
      return exitOf(outcome);
    },
  },
  {
    noun: 'decision',
    verb: 'restore',
    summary: 'Put a lifted block back into force at home',
    args: [{ name: 'LIFT', help: 'Id, as `decision lifts` shows it.' }],
    async run(context) {
      const body = await context.hub.call('DELETE', path`/api/v1/lifts/${context.args[0] ?? ''}`);
      context.answer(body);
      context.say(`In force again: ${shown(text(body, 'value'))}\n`);
      return 'ok';
    },
  },
  {
    noun: 'decision',
    verb: 'lifts',
    summary: 'What your entity has lifted at home',
    run: (context) => listWhole(context, { path: '/api/v1/lifts', key: 'lifts', columns: liftColumns, empty: 'Nothing is lifted.' }),
  },
  {
    noun: 'decision',
    verb: 'declared',
    summary: 'False positives that members declared and nobody has ruled on, oldest first',
    run: (context) =>
      listWhole(context, {
        path: '/api/v1/decisions/declared',
        key: 'declared',
        columns: [...liftColumns.slice(0, -1), field('DECISION', 'decisionId')],
        empty: 'Nothing waits for a ruling.',
      }),
  },
];

function section(context: Context, title: string, content: string): void {
  if (content !== '') context.say(`\n${title}\n${content}`);
}

export const haltCommands: readonly Command[] = [
  {
    noun: 'halt',
    verb: 'on',
    summary: 'Stop every new block in the whole network; removals go on',
    options: { reason: reasonOption },
    run: (context) => setHalt(context, true),
  },
  {
    noun: 'halt',
    verb: 'off',
    summary: 'Let new blocks go on',
    options: { reason: reasonOption },
    run: (context) => setHalt(context, false),
  },
  {
    noun: 'halt',
    verb: 'status',
    summary: 'Whether new blocks are halted',
    async run(context) {
      const body = await context.hub.call('GET', '/api/v1/halt');
      context.answer(body);
      context.say(flag(body, 'on') ? `Halted since ${time(body, 'at')}: ${shown(text(body, 'reason'))}\n` : 'Not halted.\n');
      return 'ok';
    },
  },
];

async function setHalt(context: Context, on: boolean): Promise<'ok'> {
  const body = await context.hub.call('PUT', '/api/v1/halt', { json: { on, reason: context.given.text('reason') } });
  context.answer(body);
  context.say(flag(body, 'on') ? 'New blocks are halted in the whole network.\n' : 'New blocks go on.\n');
  return 'ok';
}
