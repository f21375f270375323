/** The thread beside the hub's own in which large inputs are read. Keeps the parts of what it has read until they are fetched. */
import { parentPort } from 'node:worker_threads';
import { parseInput } from '../codecs/index.ts';
import { type Answer, type Ask, partSize, type Shell } from './parts.ts';

type Waiting = { readonly attributes: readonly unknown[]; readonly objects: readonly unknown[] };
const waiting = new Map<number, Waiting[]>();

async function answer(ask: Ask): Promise<Answer> {
  if (ask.what === 'part') {
    const draft = waiting.get(ask.id)?.[ask.draft];
    return { id: ask.id, part: (draft?.[ask.of] ?? []).slice(ask.from, ask.from + partSize) };
  }
  if (ask.what === 'done') {
    waiting.delete(ask.id);
    return { id: ask.id };
  }
  const parsed = await parseInput(Buffer.from(ask.bytes.buffer, ask.bytes.byteOffset, ask.bytes.byteLength), ask.hint);
  if (!parsed.ok) return { id: ask.id, failed: parsed };
  waiting.set(
    ask.id,
    parsed.drafts.map(({ attributes, objects }) => ({ attributes, objects })),
  );
  const shell: Shell = {
    ...parsed,
    drafts: parsed.drafts.map((draft) => ({
      ...draft,
      attributes: draft.attributes.length,
      objects: draft.objects.length,
    })),
  };
  return { id: ask.id, shell };
}

parentPort?.on('message', (ask: Ask) => {
  void answer(ask).then(
    (reply) => parentPort?.postMessage(reply),
    (error: unknown) => parentPort?.postMessage({ id: ask.id, broken: String(error) } satisfies Answer),
  );
});
