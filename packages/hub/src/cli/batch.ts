import type { Context } from './command.ts';
import { type Exit, Stop } from './exits.ts';
import { shown } from './output.ts';
import { number, text } from './rows.ts';

/**
 * Does the same with several items, each by itself: one that the hub refuses is named on standard error and the others go on. What the hub
 * cannot answer for (it is gone, it failed) ends the run, because the rest would fare no better.
 */
export async function each<T>(
  context: Context,
  items: readonly T[],
  nameOf: (item: T) => string,
  act: (item: T) => Promise<void>,
): Promise<{ readonly done: number; readonly refused: number }> {
  let done = 0;
  let refused = 0;
  for (const item of items) {
    try {
      await act(item);
      done += 1;
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      const name = shown(nameOf(item));
      const message = error.message.startsWith(name) ? error.message : `${name}: ${error.message}`;
      if (items.length === 1) throw new Stop(error.exit, message, error.json);
      if (isHopeless(error)) throw new Stop(error.exit, `${message}\n${done} of ${items.length} were done.`, error.json);
      refused += 1;
      if (error.json !== undefined) context.answer(error.json);
      context.note(`${message}\n`);
    }
  }
  return { done, refused };
}

/** A hub that is away or broken, or a key that is refused: the same for every item. Errors of a module are about the item alone. */
function isHopeless({ exit, json }: Stop): boolean {
  if (exit === 'unreachable') return true;
  const code = text(json, 'code');
  const aboutItem = code !== '' && code !== 'internal' && !code.startsWith('http.');
  return number(json, 'status') === 401 || (exit === 'hubFailed' && !aboutItem);
}

export const exitOf = ({ done, refused }: { readonly done: number; readonly refused: number }): Exit =>
  refused === 0 ? 'ok' : done === 0 ? 'refused' : 'partly';
