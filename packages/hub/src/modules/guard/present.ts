import type { Static } from 'typebox';
import type { listView, releaseView } from './routes.ts';
import type { ListRow, ReleaseRow } from './store.ts';

export function presentList(row: ListRow): Static<typeof listView> {
  const { entryCount, importedAt, problemAt, sha256: _, kinds, ...plain } = row;
  return {
    ...plain,
    kinds: [...kinds],
    entries: entryCount,
    importedAt: importedAt.toISOString(),
    problemAt: problemAt?.toISOString() ?? null,
  };
}

export function presentRelease(row: ReleaseRow): Static<typeof releaseView> {
  return {
    id: row.id,
    kind: row.kind,
    value: row.value,
    rule: row.rule,
    reason: row.reason,
    state: row.state,
    requestedPerson: row.requestedPerson,
    requestedAt: row.requestedAt.toISOString(),
    answerBy: row.answerBy.toISOString(),
    approvedPerson: row.approvedPerson,
    approvedAt: row.approvedAt?.toISOString() ?? null,
    until: row.until.toISOString(),
  };
}
