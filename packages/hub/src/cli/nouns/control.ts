import { valueKinds } from '@rebato/contract';
import type { Command, Context, Options } from '../command.ts';
import { wrongUsage } from '../exits.ts';
import { path } from '../hub.ts';
import { countField, duration, field, fields, shown, table, time, timeField } from '../output.ts';
import { entityIdOf, list, listWhole, pageOptions } from '../pages.ts';
import { at, flag, number, rows, text } from '../rows.ts';

const byId = { name: 'ID', help: 'Of the control.' };
const dayMs = 86_400_000;

const policyOptions: Options = {
  kinds: { value: 'KIND', help: 'What it takes', many: true, commas: true, choices: valueKinds },
  'min-confidence': { value: 'N', help: 'Only what is at least this sure, in percent', between: [0, 100] },
  capacity: { value: 'N', help: 'How many entries it holds', between: [1, 2_000_000] },
  allow: { value: 'KIND:VALUE', help: 'Never blocked here, such as ip:192.0.2.7', many: true },
  delay: { value: 'SECONDS', help: 'Applies this much later than others', between: [0, dayMs / 1_000] },
};

function policyOf({ given }: Context): { readonly policy?: object } {
  const allow = given.texts('allow').map((pair) => {
    const colon = pair.indexOf(':');
    const kind = pair.slice(0, Math.max(0, colon));
    if (!(valueKinds as readonly string[]).includes(kind) || colon === pair.length - 1)
      throw wrongUsage(`--allow is a kind and a value, such as ip:192.0.2.7, not "${shown(pair)}".`);
    return { kind, value: pair.slice(colon + 1) };
  });
  const minConfidence = given.integer('min-confidence');
  const capacity = given.integer('capacity');
  const delay = given.integer('delay');
  const policy = {
    ...(given.is('kinds') ? { kinds: [...new Set(given.texts('kinds'))] } : {}),
    ...(minConfidence === undefined ? {} : { minConfidence }),
    ...(capacity === undefined ? {} : { capacity }),
    ...(allow.length === 0 ? {} : { allow }),
    ...(delay === undefined ? {} : { delayMs: delay * 1_000 }),
  };
  return Object.keys(policy).length === 0 ? {} : { policy };
}

function sayToken(context: Context, token: string): void {
  context.say(
    `\nOn the machine of the control, within a day; the token works once and is not shown again:\n` +
      `npx rebato-agent enrol --hub ${shown(context.given.text('hub') ?? context.hub.url)} --token ${shown(token)}\n`,
  );
}

const hubOption: Options = { hub: { value: 'URL', help: 'Address under which the agent reaches the hub, for the line that is printed' } };

const controlFields = (row: unknown): string =>
  fields([
    ['id', text(row, 'id')],
    ['name', text(row, 'name')],
    ['target', text(row, 'target')],
    ['fed by', text(row, 'feed') === 'agent' ? 'an agent' : 'a list'],
    ['takes', text(row, 'policy.kinds')],
    ['at least', `${number(row, 'policy.minConfidence')} % sure`],
    ['holds', text(row, 'policy.capacity')],
    [
      'never blocks',
      rows(row, 'policy.allow')
        .map((each) => text(each, 'value'))
        .join(', '),
    ],
    ['later by', text(row, 'policy.delayMs') === '' ? '' : duration(number(row, 'policy.delayMs'))],
  ]);

export const controlCommands: readonly Command[] = [
  {
    noun: 'control',
    verb: 'add',
    summary: 'Add a control; prints how to enrol its agent, with the one-time token',
    args: [{ name: 'NAME', help: 'Such as "edge firewall".' }],
    options: {
      target: { value: 'TARGET', help: 'What it is: nftables, hosts, file, dns …', required: true },
      feed: { value: 'HOW', help: 'agent, which sends receipts, unless said', choices: ['agent', 'list'] },
      entity: { value: 'ENTITY', help: "Whose, by id or name; the key's own unless said" },
      ...policyOptions,
      ...hubOption,
    },
    examples: ["rebato control add 'edge firewall' --target nftables --kinds ip,net --hub https://hub.example"],
    async run(context) {
      const { hub, args, given } = context;
      const entity = given.text('entity');
      const body = await hub.call('POST', '/api/v1/controls', {
        json: {
          name: args[0],
          target: given.text('target'),
          feed: given.text('feed') ?? 'agent',
          ...(entity === undefined ? {} : { entityId: await entityIdOf(context, entity) }),
          ...policyOf(context),
        },
      });
      context.answer(body);
      context.say(controlFields(at(body, 'control')));
      if (text(body, 'token') !== '') sayToken(context, text(body, 'token'));
      return 'ok';
    },
  },
  {
    noun: 'control',
    verb: 'list',
    summary: 'Controls, and when each was last heard',
    options: { entity: { value: 'ENTITY', help: 'Only of this one, by id or name' }, ...pageOptions },
    async run(context) {
      const entity = context.given.text('entity');
      return list(context, {
        path: '/api/v1/controls',
        key: 'controls',
        query: { entity: entity === undefined ? undefined : await entityIdOf(context, entity) },
        columns: [
          field('NAME', 'name'),
          field('TARGET', 'target'),
          field('FEED', 'feed'),
          { head: 'SIGN', of: (row) => (text(row, 'revokedAt') !== '' ? 'revoked' : text(row, 'colour')) },
          timeField('HEARD', 'seenAt'),
          countField('LOADED', 'loaded.loaded'),
          { head: 'AS WANTED', of: (row) => (at(row, 'loaded.agrees') === undefined ? '' : flag(row, 'loaded.agrees') ? 'yes' : 'NO') },
          { head: 'ALARMS', of: (row) => String(rows(row, 'alarms').length), right: true },
          field('ID', 'id'),
        ],
        empty: 'There are no controls.',
      });
    },
  },
  {
    noun: 'control',
    verb: 'show',
    summary: 'One control: its policy, what is really loaded, its alarms',
    args: [byId],
    async run(context) {
      const body = await context.hub.call('GET', path`/api/v1/controls/${context.args[0] ?? ''}`);
      context.answer(body);
      context.say(controlFields(body));
      context.say(
        fields([
          ['agent', text(body, 'agent')],
          ['reads', text(body, 'channels')],
          ['enrolled', time(body, 'enrolledAt')],
          ['heard', `${time(body, 'seenAt')} (${text(body, 'colour')})`],
          ['revoked', text(body, 'revokedAt') === '' ? '' : time(body, 'revokedAt')],
          [
            'loaded',
            at(body, 'loaded.loaded') === undefined
              ? ''
              : `${number(body, 'loaded.loaded')} of ${number(body, 'loaded.wanted')} wanted, ${flag(body, 'loaded.agrees') ? 'the same as here' : 'NOT the same as here'}; drift repaired ${number(body, 'loaded.driftRepaired')} times`,
          ],
        ]),
      );
      const alarms = rows(body, 'alarms');
      if (alarms.length > 0)
        context.say(
          `\n${table(alarms, [timeField('AT', 'at'), field('ALARM', 'code'), countField('TIMES', 'count'), field('SAID BY', 'by'), field('DETAIL', 'detail')])}`,
        );
      return 'ok';
    },
  },
  {
    noun: 'control',
    verb: 'change',
    summary: 'Change name or policy of a control',
    args: [byId],
    options: { name: { value: 'NAME', help: 'Its new name' }, ...policyOptions },
    async run(context) {
      const name = context.given.text('name');
      const json = { ...(name === undefined ? {} : { name }), ...policyOf(context) };
      if (Object.keys(json).length === 0) throw wrongUsage('Nothing to change is given. See: rebato control change --help');
      const body = await context.hub.call('PATCH', path`/api/v1/controls/${context.args[0] ?? ''}`, { json });
      context.answer(body);
      context.say(controlFields(body));
      return 'ok';
    },
  },
  {
    noun: 'control',
    verb: 'token',
    summary: 'Another one-time token, to enrol the agent anew',
    args: [byId],
    options: hubOption,
    async run(context) {
      const body = await context.hub.call('POST', path`/api/v1/controls/${context.args[0] ?? ''}/token`);
      context.answer(body);
      sayToken(context, text(body, 'token'));
      return 'ok';
    },
  },
  {
    noun: 'control',
    verb: 'revoke',
    summary: 'End a control: its key is refused at once',
    args: [byId],
    async run(context) {
      await context.hub.call('DELETE', path`/api/v1/controls/${context.args[0] ?? ''}`);
      context.say(`Revoked: ${shown(context.args[0] ?? '')}\n`);
      return 'ok';
    },
  },
  {
    noun: 'control',
    verb: 'silent',
    summary: 'Enrolled agents that have not been heard for a minute',
    run: (context) =>
      listWhole(context, {
        path: '/api/v1/controls/silent',
        key: 'controls',
        columns: [
          field('NAME', 'name'),
          { head: 'SILENT FOR', of: (row) => duration(number(row, 'silentMs')), right: true },
          timeField('HEARD', 'seenAt'),
          field('ID', 'id'),
        ],
        empty: 'All are heard.',
      }),
  },
];
