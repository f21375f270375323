import type { Context } from './command.ts';
import { type Exit, Stop } from './exits.ts';
import { shown } from './output.ts';

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
      const message = `${shown(nameOf(item))}: ${error.message}`;
      // A wrong key is wrong for all of them.
      const hopeless = (error.exit !== 'refused' && error.exit !== 'usage') || isUnauthenticated(error.json);
      if (hopeless || items.length === 1)
        throw new Stop(error.exit, items.length === 1 ? message : `${message}\n${done} of ${items.length} were done.`, error.json);
      refused += 1;
      if (error.json !== undefined) context.answer(error.json);
      context.note(`${message}\n`);
    }
  }
  return { done, refused };
}

const isUnauthenticated = (problem: unknown): boolean =>
  typeof problem === 'object' && problem !== null && 'status' in problem && problem.status === 401;

export const exitOf = ({ done, refused }: { readonly done: number; readonly refused: number }): Exit =>
  refused === 0 ? 'ok' : done === 0 ? 'refused' : 'partly';
