import type { Context, Options } from './command.ts';
import { wrongUsage } from './exits.ts';
import { type Column, shown, table } from './output.ts';
import { at, isRow, type Row, rows, text } from './rows.ts';

/** Pages that `--all` follows: a million rows. More is what the export and the lists are for. */
const pagesMax = 2_000;
/** The largest page that every list gives. */
const pageMax = 500;
const pageDefault = 50;

export const pageOptions: Options = {
  limit: { value: 'N', help: `How many, ${pageDefault} unless said`, between: [1, pageMax] },
  after: { value: 'CURSOR', help: 'Go on where the page before ended' },
  all: { help: 'All pages' },
};

export type Listing = {
  readonly path: string;
  /** Name of the array in the answer. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly columns: readonly Column[];
  /** Said when there is nothing. */
  readonly empty: string;
  /** Some lists name the next page, others go on after the last id. */
  readonly cursor?: 'next' | 'last-id';
};

/** Prints one page, or with `--all` every page as if it were one. */
export async function list(context: Context, listing: Listing): Promise<'ok'> {
  const { hub, given } = context;
  const limit = given.is('all') ? pageMax : (given.integer('limit') ?? pageDefault);
  const found: Row[] = [];
  let first: Row | undefined;
  let after = given.text('after');
  for (let page = 0; page < pagesMax; page += 1) {
    const body = await hub.call('GET', listing.path, { query: { ...listing.query, limit, after } });
    const items = rows(body, listing.key);
    found.push(...items);
    first ??= isRow(body) ? body : {};
    const next = listing.cursor === 'last-id' ? (items.length === limit ? text(items.at(-1), 'id') : '') : text(body, 'next');
    after = next === '' ? undefined : next;
    if (!given.is('all') || after === undefined) break;
  }
  context.answer({ ...first, [listing.key]: found, ...(at(first, 'next') === undefined ? {} : { next: after ?? null }) });
  context.say(found.length === 0 ? `${listing.empty}\n` : table(found, listing.columns));
  if (after !== undefined) context.say(`\nThere is more: --after ${shown(after)}\n`);
  return 'ok';
}

/** A list that comes whole. */
export async function listWhole(context: Context, listing: Omit<Listing, 'cursor'>): Promise<'ok'> {
  const body = await context.hub.call('GET', listing.path, listing.query === undefined ? {} : { query: listing.query });
  const found = rows(body, listing.key);
  context.answer(body);
  context.say(found.length === 0 ? `${listing.empty}\n` : table(found, listing.columns));
  return 'ok';
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (word: string): boolean => uuidPattern.test(word);

/** The id of an entity that is given by id or by its name in any case. */
export async function entityIdOf(context: Context, nameOrId: string): Promise<string> {
  if (isUuid(nameOrId)) return nameOrId.toLowerCase();
  const wanted = nameOrId.normalize('NFC').trim().toLowerCase();
  let after: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const items = rows(await context.hub.call('GET', '/api/v1/entities', { query: { limit: pageMax, after } }), 'items');
    const match = items.find((row) => text(row, 'name').toLowerCase() === wanted);
    if (match !== undefined) return text(match, 'id');
    if (items.length < pageMax) break;
    after = text(items.at(-1), 'id');
  }
  throw wrongUsage(`No entity is named "${shown(nameOrId)}". See: rebato entity list`);
}

/** The entity that the key belongs to. */
export async function ownEntityId(context: Context): Promise<string> {
  const id = text(await context.hub.call('GET', '/api/v1/me'), 'entity.id');
  if (id === '') throw wrongUsage('The key belongs to no entity: name one with --entity.');
  return id;
}

export async function chosenEntityId(context: Context): Promise<string> {
  const named = context.given.text('entity');
  return named === undefined ? ownEntityId(context) : entityIdOf(context, named);
}

/** Names of entities by id, to show instead of ids. Bounded like any list; what is beyond keeps its id. */
export async function entityNames(context: Context): Promise<ReadonlyMap<string, string>> {
  const items = rows(await context.hub.call('GET', '/api/v1/entities', { query: { limit: pageMax } }), 'items');
  return new Map(items.map((row) => [text(row, 'id'), text(row, 'name')]));
}

/** A time as people give it, as RFC 3339 in UTC: a date, a time, or an amount from now such as `12h`. */
export function timeOf(context: Context, name: string): string | undefined {
  const raw = context.given.text(name);
  if (raw === undefined) return undefined;
  const amount = /^(\d{1,5})(min|h|d)$/.exec(raw);
  const unitMs = { min: 60_000, h: 3_600_000, d: 86_400_000 }[amount?.[2] ?? ''];
  const at = unitMs === undefined ? new Date(raw) : new Date(context.io.now().getTime() + Number(amount?.[1]) * unitMs);
  if (Number.isNaN(at.getTime()))
    throw wrongUsage(`--${name} is a time such as 2026-11-23T20:00:00Z, or an amount from now such as 12h, not "${shown(raw)}"`);
  return at.toISOString();
}
