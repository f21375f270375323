import { roles } from '@rebato/contract';
import { scopes } from '#platform/actor';
import type { Command, Context } from '../command.ts';
import { Stop } from '../exits.ts';
import { path } from '../hub.ts';
import { field, fields, shown, time, timeField } from '../output.ts';
import { chosenEntityId, entityIdOf, entityNames, list, pageOptions } from '../pages.ts';
import { text } from '../rows.ts';

const keyScopes = scopes.filter((scope) => scope !== 'agent');
const keyMaxDays = 730;
const overlapMaxHours = 168;

/** The hub answers a path; people need an address. */
const addressOf = (context: Context, link: string): string => (link.startsWith('/') ? `${context.hub.url}${link}` : link);

function sayInvited(context: Context, body: unknown): void {
  context.answer(body);
  context.say(
    fields([
      ['id', text(body, 'person.id')],
      ['name', text(body, 'person.name')],
      ['mail', text(body, 'person.mail')],
      ['roles', text(body, 'person.roles')],
    ]),
  );
  context.say(`\nHand over this link; it works once, and is not shown again:\n${shown(addressOf(context, text(body, 'link')))}\n`);
}

export const userCommands: readonly Command[] = [
  {
    noun: 'user',
    verb: 'add',
    summary: 'Invite a person; prints the one-time link to enrol',
    args: [{ name: 'MAIL', help: 'Mail address.' }],
    options: {
      name: { value: 'NAME', help: 'Name of the person', required: true },
      role: { value: 'ROLE', help: 'What the person may do; reader unless said', many: true, commas: true, choices: roles },
      entity: { value: 'ENTITY', help: "Whose person, by id or name; the key's own unless said" },
    },
    examples: ["rebato user add ana@alba.example --name 'Ana Roca' --role analyst --entity 'Ayuntamiento de Alba'"],
    async run(context) {
      const { hub, args, given } = context;
      const chosen = given.texts('role');
      const body = await hub.call('POST', '/api/v1/people', {
        json: {
          entityId: await chosenEntityId(context),
          name: given.text('name'),
          mail: args[0],
          roles: chosen.length === 0 ? ['reader'] : [...new Set(chosen)],
        },
      });
      sayInvited(context, body);
      return 'ok';
    },
  },
  {
    noun: 'user',
    verb: 'list',
    summary: 'The people that you administer',
    options: { entity: { value: 'ENTITY', help: 'Only of this one, by id or name' }, ...pageOptions },
    async run(context) {
      const entity = context.given.text('entity');
      const names = context.json ? new Map<string, string>() : await entityNames(context);
      return list(context, {
        path: '/api/v1/people',
        key: 'items',
        cursor: 'last-id',
        query: { entityId: entity === undefined ? undefined : await entityIdOf(context, entity) },
        columns: [
          field('NAME', 'name'),
          field('MAIL', 'mail'),
          field('ROLES', 'roles'),
          { head: 'ENTITY', of: (row) => names.get(text(row, 'entityId')) ?? text(row, 'entityId') },
          { head: 'STATE', of: (row) => (text(row, 'disabledAt') === '' ? 'active' : 'disabled') },
          field('ID', 'id'),
        ],
        empty: 'There are no people.',
      });
    },
  },
  {
    noun: 'user',
    verb: 'link',
    summary: 'A new one-time link, for a lost invitation or a lost device',
    args: [{ name: 'ID', help: 'Of the person.' }],
    async run(context) {
      sayInvited(context, await context.hub.call('POST', path`/api/v1/people/${context.args[0] ?? ''}/link`));
      return 'ok';
    },
  },
  {
    noun: 'user',
    verb: 'disable',
    summary: 'Lock a person out: sessions and keys end at once',
    args: [{ name: 'ID', help: 'Of the person.' }],
    run: (context) => setDisabled(context, true),
  },
  {
    noun: 'user',
    verb: 'enable',
    summary: 'Let a disabled person in again',
    args: [{ name: 'ID', help: 'Of the person.' }],
    run: (context) => setDisabled(context, false),
  },
];

async function setDisabled(context: Context, disabled: boolean): Promise<'ok'> {
  const row = await context.hub.call('PATCH', path`/api/v1/people/${context.args[0] ?? ''}`, { json: { disabled } });
  context.answer(row);
  context.say(`${shown(text(row, 'name'))} is ${disabled ? 'disabled' : 'enabled'}.\n`);
  return 'ok';
}

/** The key stands alone on standard output, so that it can be piped into a file or a secret store; everything else goes beside it. */
function printKey(context: Context, body: unknown): void {
  const key = text(body, 'key');
  if (key === '') throw new Stop('hubFailed', 'The hub made a key but did not say it.', body);
  context.answer(body);
  context.say(`${key}\n`);
  if (!context.json)
    context.note(
      `Key ${text(body, 'row.id')} "${shown(text(body, 'row.label'))}", valid until ${time(body, 'row.expiresAt')}; not shown again.\n`,
    );
}

export const keyCommands: readonly Command[] = [
  {
    noun: 'key',
    verb: 'create',
    summary: 'Make an API key for a machine; prints the key alone on standard output',
    more: `Rights: ${keyScopes.join(', ')}. Nobody gives a right that the own key does not have.`,
    options: {
      label: { value: 'TEXT', help: 'What it is for' },
      scope: { value: 'RIGHT', help: 'What it may do; read and report unless said', many: true, commas: true, choices: keyScopes },
      entity: { value: 'ENTITY', help: "Whose machine, by id or name; the key's own unless said" },
      days: { value: 'N', help: 'How long it is valid; 365 unless said', between: [1, keyMaxDays] },
      network: { value: 'CIDR', help: 'Only from this address or network', many: true, commas: true },
    },
    examples: ["rebato key create --entity 'Ayuntamiento de Alba' --label 'SIEM' --scope read,report > siem.key"],
    async run(context) {
      const { hub, given } = context;
      const chosen = given.texts('scope');
      const days = given.integer('days');
      const body = await hub.call('POST', '/api/v1/keys', {
        json: {
          label: given.text('label') ?? 'made on the command line',
          scopes: chosen.length === 0 ? ['read', 'report'] : [...new Set(chosen)],
          entityId: await chosenEntityId(context),
          ...(days === undefined ? {} : { validDays: days }),
          ...(given.is('network') ? { cidrs: given.texts('network') } : {}),
        },
      });
      printKey(context, body);
      return 'ok';
    },
  },
  {
    noun: 'key',
    verb: 'list',
    summary: 'The machine keys of an entity',
    options: {
      entity: { value: 'ENTITY', help: "Whose, by id or name; the key's own unless said" },
      person: { value: 'ID', help: 'The keys of this person instead' },
      revoked: { help: 'Revoked ones too' },
      ...pageOptions,
    },
    async run(context) {
      const person = context.given.text('person');
      return list(context, {
        path: '/api/v1/keys',
        key: 'items',
        cursor: 'last-id',
        query: {
          ...(person === undefined ? { entityId: await chosenEntityId(context) } : { personId: person }),
          all: context.given.is('revoked') ? true : undefined,
        },
        columns: [
          field('ID', 'id'),
          field('LABEL', 'label'),
          field('RIGHTS', 'scopes'),
          timeField('EXPIRES', 'expiresAt'),
          timeField('LAST USED', 'lastUsedAt'),
          {
            head: 'STATE',
            of: (row) => (text(row, 'revokedAt') !== '' ? 'revoked' : text(row, 'replacedBy') !== '' ? 'replaced' : 'valid'),
          },
        ],
        empty: 'There are no keys.',
      });
    },
  },
  {
    noun: 'key',
    verb: 'rotate',
    summary: 'Make the successor of a key; prints the new key alone on standard output',
    args: [{ name: 'ID', help: 'Of the key, as `key list` shows it.' }],
    options: {
      overlap: { value: 'HOURS', help: 'How long the old key works on; 24 unless said', between: [0, overlapMaxHours] },
      days: { value: 'N', help: 'How long the new one is valid', between: [1, keyMaxDays] },
    },
    async run(context) {
      const overlapHours = context.given.integer('overlap');
      const validDays = context.given.integer('days');
      const body = await context.hub.call('POST', path`/api/v1/keys/${context.args[0] ?? ''}/rotation`, {
        json: { ...(overlapHours === undefined ? {} : { overlapHours }), ...(validDays === undefined ? {} : { validDays }) },
      });
      printKey(context, body);
      return 'ok';
    },
  },
  {
    noun: 'key',
    verb: 'revoke',
    summary: 'End a key everywhere, within seconds',
    args: [{ name: 'ID', help: 'Of the key, as `key list` shows it.' }],
    async run(context) {
      await context.hub.call('DELETE', path`/api/v1/keys/${context.args[0] ?? ''}`);
      context.say(`Revoked: ${shown(context.args[0] ?? '')}\n`);
      return 'ok';
    },
  },
];
