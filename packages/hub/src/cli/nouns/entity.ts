import type { Command, Context } from '../command.ts';
import { wrongUsage } from '../exits.ts';
import { path } from '../hub.ts';
import { field, fields, plural, shown, table, time, timeField } from '../output.ts';
import { chosenEntityId, entityIdOf, entityNames, list, listWhole, pageOptions } from '../pages.ts';
import { at, flag, type Row, rows, text, texts } from '../rows.ts';

const assetKinds = ['ip', 'net', 'domain', 'mail_domain'];
const which = { name: 'ENTITY', help: 'Id or name.' };

function entityFields(row: unknown): string {
  return fields([
    ['id', text(row, 'id')],
    ['name', text(row, 'name')],
    ['kind', text(row, 'kind')],
    ['level', text(row, 'level')],
    ['region', text(row, 'region')],
    ['critical', at(row, 'critical') === undefined ? '' : flag(row, 'critical') ? 'yes, blocks come last' : 'no'],
    ['suspended', text(row, 'suspendedAt') === '' ? '' : time(row, 'suspendedAt')],
    ['since', text(row, 'createdAt') === '' ? '' : time(row, 'createdAt')],
  ]);
}

async function change(context: Context, body: Row): Promise<'ok'> {
  const id = await entityIdOf(context, context.args[0] ?? '');
  const row = await context.hub.call('PATCH', path`/api/v1/entities/${id}`, { json: body });
  context.answer(row);
  context.say(entityFields(row));
  return 'ok';
}

export const entityCommands: readonly Command[] = [
  {
    noun: 'entity',
    verb: 'add',
    summary: 'Admit an entity to the network',
    more: 'It starts with the level of its kind. `rebato entity kinds` shows the kinds.',
    args: [{ name: 'NAME', help: 'As others will read it.' }],
    options: {
      kind: { value: 'KIND', help: 'What it is', required: true },
      region: { value: 'CODE', help: 'ISO 3166-2, such as ES-MD' },
      critical: { help: 'A hospital, an emergency service: blocks reach it last' },
    },
    examples: ["rebato entity add 'Ayuntamiento de Alba' --kind public --region ES-MD"],
    async run(context) {
      const { hub, args, given } = context;
      const region = given.text('region');
      const row = await hub.call('POST', '/api/v1/entities', {
        json: {
          name: args[0],
          kind: given.text('kind'),
          ...(region === undefined ? {} : { region }),
          ...(given.is('critical') ? { critical: true } : {}),
        },
      });
      context.answer(row);
      context.say(entityFields(row));
      return 'ok';
    },
  },
  {
    noun: 'entity',
    verb: 'list',
    summary: 'The entities of the network, by name',
    options: pageOptions,
    run: (context) =>
      list(context, {
        path: '/api/v1/entities',
        key: 'items',
        cursor: 'last-id',
        columns: [
          field('NAME', 'name'),
          field('KIND', 'kind'),
          field('LEVEL', 'level'),
          field('REGION', 'region'),
          { head: 'STATE', of: (row) => (text(row, 'suspendedAt') === '' ? (flag(row, 'critical') ? 'critical' : 'in') : 'suspended') },
          field('ID', 'id'),
        ],
        empty: 'There are no entities.',
      }),
  },
  {
    noun: 'entity',
    verb: 'show',
    summary: 'One entity, with what it declares as its own',
    args: [which],
    async run(context) {
      const id = await entityIdOf(context, context.args[0] ?? '');
      const row = await context.hub.call('GET', path`/api/v1/entities/${id}`);
      context.answer(row);
      if (context.json) return 'ok';
      const assets = rows(await context.hub.call('GET', path`/api/v1/entities/${id}/assets`), 'items');
      context.say(`${entityFields(row)}\n`);
      context.say(assets.length === 0 ? 'It declares nothing as its own.\n' : table(assets, assetColumns));
      return 'ok';
    },
  },
  {
    noun: 'entity',
    verb: 'kinds',
    summary: 'The kinds of entity, with the level that each starts with',
    run: (context) =>
      listWhole(context, {
        path: '/api/v1/entity-kinds',
        key: 'items',
        columns: [
          field('KIND', 'name'),
          field('MEANING', 'label'),
          field('FIRST LEVEL', 'defaultLevel'),
          field('RUNS A SOC AS', 'runsSocAs'),
        ],
        empty: 'There are no kinds.',
      }),
  },
  {
    noun: 'entity',
    verb: 'suspend',
    summary: 'Take an entity out: its people and keys are refused at once',
    args: [which],
    run: (context) => change(context, { suspended: true }),
  },
  {
    noun: 'entity',
    verb: 'readmit',
    summary: 'Let a suspended entity in again',
    args: [which],
    run: (context) => change(context, { suspended: false }),
  },
  {
    noun: 'entity',
    verb: 'asset',
    summary: 'Declare, list or withdraw what belongs to an entity',
    more: 'What is declared is never blocked for its owner and is held back by the guard for everybody. Without VALUE: the list.',
    args: [which, { name: 'VALUE', help: 'Addresses, networks, domains.', optional: true, many: true }],
    options: {
      kind: { value: 'KIND', help: 'What the values are', choices: assetKinds },
      note: { value: 'TEXT', help: 'What they are for' },
      withdraw: { value: 'ID', help: 'Withdraw this declaration instead' },
    },
    examples: ["rebato entity asset 'Hospital de Boira' 192.0.2.0/24 --kind net"],
    run: runAsset,
  },
];

const assetColumns = [
  field('KIND', 'kind'),
  field('VALUE', 'value'),
  field('NOTE', 'note'),
  timeField('DECLARED', 'declaredAt'),
  field('ID', 'id'),
];

async function runAsset(context: Context): Promise<'ok'> {
  const { hub, args, given } = context;
  const [entity = '', ...values] = args;
  const withdraw = given.text('withdraw');
  if (withdraw !== undefined) {
    if (values.length > 0) throw wrongUsage('--withdraw takes the id of a declaration, and no values.');
    await hub.call('DELETE', path`/api/v1/assets/${withdraw}`);
    context.say(`Withdrawn: ${shown(withdraw)}\n`);
    return 'ok';
  }
  const id = await entityIdOf(context, entity);
  if (values.length === 0)
    return listWhole(context, {
      path: path`/api/v1/entities/${id}/assets`,
      key: 'items',
      columns: assetColumns,
      empty: 'It declares nothing as its own.',
    });
  const kind = given.text('kind');
  if (kind === undefined) throw wrongUsage(`--kind is missing: ${assetKinds.join(', ')}.`);
  const note = given.text('note');
  for (const value of values) {
    const row = await hub.call('POST', path`/api/v1/entities/${id}/assets`, {
      json: { kind, value, ...(note === undefined ? {} : { note }) },
    });
    context.answer(row);
    context.say(`Declared: ${shown(text(row, 'value'))} (${text(row, 'id')})\n`);
  }
  return 'ok';
}

export const socCommands: readonly Command[] = [
  {
    noun: 'soc',
    verb: 'add',
    summary: 'Register a SOC under the name of whoever runs it',
    args: [{ name: 'NAME', help: "The operator's name, with a suffix where there are several." }],
    options: {
      entity: { value: 'ENTITY', help: 'Who runs it, by id or name', required: true },
      staff: { value: 'WHOSE', help: 'Who does the work; own unless said', choices: ['own', 'contracted'] },
      manager: { value: 'NAME', help: 'Name of its manager', required: true },
      mail: { value: 'MAIL', help: 'Mail address of its manager', required: true },
      serves: { value: 'ENTITY', help: 'Whom it serves, by id or name', many: true },
    },
    async run(context) {
      const { hub, args, given } = context;
      const serves: string[] = [];
      for (const name of given.texts('serves')) serves.push(await entityIdOf(context, name));
      const row = await hub.call('POST', '/api/v1/socs', {
        json: {
          name: args[0],
          operatorEntityId: await chosenEntityId(context),
          staff: given.text('staff') ?? 'own',
          managerName: given.text('manager'),
          managerMail: given.text('mail'),
          serves,
        },
      });
      context.answer(row);
      context.say(
        fields([
          ['id', text(row, 'id')],
          ['name', text(row, 'name')],
          ['manager', text(row, 'managerName')],
          ['serves', plural(texts(row, 'serves').length, 'entity', 'entities')],
        ]),
      );
      return 'ok';
    },
  },
  {
    noun: 'soc',
    verb: 'list',
    summary: 'The SOCs, and whom each serves',
    options: pageOptions,
    async run(context) {
      const names = context.json ? new Map<string, string>() : await entityNames(context);
      const named = (id: string): string => names.get(id) ?? id;
      return list(context, {
        path: '/api/v1/socs',
        key: 'items',
        cursor: 'last-id',
        columns: [
          field('NAME', 'name'),
          { head: 'RUN BY', of: (row) => named(text(row, 'operatorEntityId')) },
          field('STAFF', 'staff'),
          field('MANAGER', 'managerName'),
          { head: 'SERVES', of: (row) => texts(row, 'serves').map(named).join(', ') },
          field('ID', 'id'),
        ],
        empty: 'There are no SOCs.',
      });
    },
  },
];

export const levelCommands: readonly Command[] = [
  {
    noun: 'level',
    verb: 'list',
    summary: 'The level policy in force: who reads when',
    run: (context) =>
      listWhole(context, {
        path: '/api/v1/levels',
        key: 'levels',
        columns: [
          field('LEVEL', 'id'),
          field('NAME', 'name'),
          {
            head: 'READS',
            of: (row) => (text(row, 'delayMs') === '0' ? 'at once' : `after ${Number(text(row, 'delayMs')) / 3_600_000} h`),
          },
          { head: 'SOONER', of: (row) => (flag(row, 'onConsolidation') ? 'when consolidated' : 'never') },
          field('UP TO TLP', 'maxTlp'),
        ],
        empty: 'There are no levels.',
      }),
  },
  {
    noun: 'level',
    verb: 'set',
    summary: 'Give an entity a level',
    args: [which, { name: 'LEVEL', help: 'Such as gold or informed.' }],
    options: { reason: { value: 'TEXT', help: 'Why; the entity may read it', required: true } },
    async run(context) {
      const { hub, args, given } = context;
      const id = await entityIdOf(context, args[0] ?? '');
      const row = await hub.call('PUT', path`/api/v1/entities/${id}/level`, { json: { level: args[1], reason: given.text('reason') } });
      context.answer(row);
      context.say(`Level ${shown(text(row, 'level'))}, before ${shown(text(row, 'previous'))}.\n`);
      return 'ok';
    },
  },
  {
    noun: 'level',
    verb: 'history',
    summary: 'The levels of an entity so far, with the reasons',
    args: [which],
    async run(context) {
      const id = await entityIdOf(context, context.args[0] ?? '');
      return listWhole(context, {
        path: path`/api/v1/entities/${id}/level`,
        key: 'items',
        columns: [timeField('SINCE', 'setAt'), field('LEVEL', 'level'), field('BEFORE', 'previous'), field('REASON', 'reason')],
        empty: 'It still has the level of its kind.',
      });
    },
  },
];
