import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Actor } from '#platform/actor';
import type { Pool } from '#platform/db';
import type { Clock, Ids, Outbound, Trail } from '#platform/ports';
import { fail } from './errors.ts';
import { listGrowthFactor, listGrowthFloor, listMaxBytes, maxLists } from './limits.ts';
import { type ListProblem, type Prepared, parseWarningList, prepareSteps, type WarningList } from './list-format.ts';
import { settle } from './steps.ts';
import { countLists, findList, type ListRow, lockListByName, noteProblem, putList, raiseVersion } from './store.ts';

export type ImportDeps = {
  readonly db: Pool;
  readonly trail: Trail;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly outbound: Outbound;
};

/** `force` takes a list that has grown or shrunk too much, or is older. `beneath`: whether names protect what is beneath them. */
export type ImportOptions = { readonly force?: boolean; readonly beneath?: boolean; readonly enabled?: boolean };

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** The packed form of canonical entries; none of them contains a line break. */
export async function packEntries(entries: readonly string[]): Promise<Buffer> {
  return pack(entries.join('\n'), { level: 6 });
}

export async function unpackEntries(packed: Buffer): Promise<string[]> {
  return (await unpack(packed, { maxOutputLength: 4 * listMaxBytes })).toString('utf8').split('\n');
}

/** Fetches and imports. Whatever goes wrong, the last good content of the list stays and carries the reason. */
export async function importListFrom(deps: ImportDeps, actor: Actor, url: string, options: ImportOptions = {}): Promise<ListRow> {
  const address = URL.parse(url);
  // The address is shown to people and goes into the trail, where no secret may be.
  if (address?.username !== '' || address.password !== '') {
    throw fail('guard.list_fetch', 'The address is no URL, or carries a password.', [
      { field: 'url', message: 'a URL without user and password' },
    ]);
  }
  const refused = async (message: string) => {
    await noteProblem(deps.db, { name: null, source: url }, message, deps.clock.now());
    return fail('guard.list_fetch', message);
  };
  let answer: Awaited<ReturnType<Outbound['get']>>;
  try {
    answer = await deps.outbound.get(url, { maxBytes: listMaxBytes, timeoutMs: fetchTimeoutMs, accept: 'application/json' });
  } catch (error) {
    throw await refused(`The source could not be read: ${error instanceof Error ? error.message : 'unknown reason'}.`);
  }
  if (answer.status !== 200) throw await refused(`The source answered with status ${answer.status}.`);
  return importList(deps, actor, answer.body.toString('utf8'), options, url);
}

/** 48 MB over a slow line; an import is no hurry. */
const fetchTimeoutMs = 120_000;

/** Imports the text of a warning list, as a new list or as the next version of the one with its name. */
export async function importList(
  deps: ImportDeps,
  actor: Actor,
  text: string,
  options: ImportOptions = {},
  source: string | null = null,
): Promise<ListRow> {
  const list = parseWarningList(text);
  if ('problem' in list) throw await malformed(deps, list, null, source);
  const beneath = options.beneath ?? list.category !== 'known';
  const prepared = await settle(prepareSteps(list, beneath));
  if ('problem' in prepared) throw await malformed(deps, prepared, list.name, source);
  const sha256 = createHash('sha256').update(prepared.entries.join('\n')).digest('hex');
  const entries = await packEntries(prepared.entries);
  const outcome = await deps.db.transaction(
    async (tx): Promise<string | { problem: string; code: 'guard.list_jump' | 'guard.list_stale' }> => {
      const before = await lockListByName(tx, list.name);
      if (!before && (await countLists(tx)) >= maxLists) throw fail('guard.list_limit', `There are ${maxLists} lists already.`);
      const suspicion = before && options.force !== true ? suspect(before, list, prepared) : undefined;
      if (suspicion) return suspicion;
      const id = before?.id ?? deps.ids.uuid();
      const { entries: _, ...described } = list;
      await putList(tx, {
        ...described,
        id,
        beneath,
        enabled: options.enabled ?? before?.enabled ?? true,
        source,
        entries,
        entryCount: prepared.entries.length,
        unreadable: prepared.unreadable.length,
        sha256,
        importedBy: actor.label,
        importedAt: deps.clock.now(),
      });
      await deps.trail.record(tx, actor, 'guard.list_import', id, { name: list.name, entries: prepared.entries.length, sha256, source });
      await raiseVersion(tx);
      return id;
    },
  );
  if (typeof outcome !== 'string') {
    await noteProblem(deps.db, { name: list.name, source }, outcome.problem, deps.clock.now());
    throw fail(outcome.code, outcome.problem);
  }
  const row = await findList(deps.db, outcome);
  if (!row) throw fail('guard.list_not_found', `The list ${list.name} was removed meanwhile.`);
  return row;
}

function suspect(
  before: ListRow,
  list: WarningList,
  prepared: Prepared,
): { problem: string; code: 'guard.list_jump' | 'guard.list_stale' } | undefined {
  if (list.version < before.version) {
    return { code: 'guard.list_stale', problem: `Version ${list.version} is older than version ${before.version}, which is here.` };
  }
  const count = prepared.entries.length;
  const grown = count > before.entryCount * listGrowthFactor && count > listGrowthFloor;
  const shrunk = count * listGrowthFactor < before.entryCount && before.entryCount > listGrowthFloor;
  if (!grown && !shrunk) return undefined;
  return { code: 'guard.list_jump', problem: `The list would go from ${before.entryCount} to ${count} entries.` };
}

async function malformed(deps: ImportDeps, wrong: ListProblem, name: string | null, source: string | null) {
  await noteProblem(deps.db, { name, source }, wrong.problem, deps.clock.now());
  const details = wrong.entry === undefined ? [] : [{ field: `list[${wrong.entry}]`, message: wrong.problem }];
  return fail('guard.list_format', wrong.problem, details);
}
