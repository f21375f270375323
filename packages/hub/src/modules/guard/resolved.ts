import type { Pap, Tlp } from '@rebato/contract';
import { parseIp } from '#values';
import { judge } from './judge.ts';
import type { GuardTables } from './tables.ts';
import { type GuardVerdict, hold, pass } from './verdict.ts';

/**
 * What a name points at now is judged too: a block of a name whose address is guarded can hit the guarded service (a proxy that resolves it),
 * and a name that points at the inside of networks is a trap. `targets` are canonical addresses and names from CNAME records.
 */
export function judgeTargets(
  targets: readonly string[],
  marking: { readonly tlp: Tlp; readonly pap: Pap },
  tables: GuardTables,
): GuardVerdict {
  for (const target of targets.slice(0, maxTargets)) {
    const verdict = judge({ kind: parseIp(target) ? 'ip' : 'domain', value: target, ...marking }, tables);
    // A suffix as the target of an alias is ordinary (object stores); everything else that is guarded is not.
    if (verdict.verdict === 'pass' || verdict.rule === 'public_suffix' || verdict.rule === 'shared_host') continue;
    if (verdict.rule === 'pap' || verdict.rule === 'tlp') return verdict;
    return hold('resolves', `It points at ${target}. ${verdict.message}`, 'Check who answers there; two people may release it.');
  }
  return pass;
}

/** One answer of the name system has a handful of records; more than this is an attempt to make us work. */
const maxTargets = 64;
