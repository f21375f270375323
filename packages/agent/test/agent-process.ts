import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { machineClock } from '../src/clock.ts';
import type { Identity } from '../src/index.ts';
import { createTarget, type LoadedEntry, openDiskStore, parseConfig, startAgent, type Target, type TargetEntry } from '../src/index.ts';
import { fastTiming, noSurroundings } from './running.ts';

/**
 * An agent in a process of its own, to be killed by tests: agent-process.ts STATE IDENTITY FILE. With REBATO_TEST_ACK_FIRST=1 its control
 * claims to have done what it does a moment later, which is the mistake that the kill test must catch.
 */
const [state = '', identityFile = '', path = ''] = process.argv.slice(2);

/** Claims first, works later: what every acknowledgement before the work amounts to. */
function ackFirst(target: Target): Target {
  let claimed: Map<string, TargetEntry> | undefined;
  let work: Promise<void> = Promise.resolve();
  return {
    name: target.name,
    kinds: target.kinds,
    capacity: target.capacity,
    open: () => target.open(),
    async apply(changes) {
      const all = [...changes.all()];
      claimed = new Map(all.map((entry) => [`${entry.kind} ${entry.value}`, entry]));
      work = work.then(() => new Promise((resolve) => setTimeout(resolve, 40))).then(() => target.apply({ ...changes, all: () => all }));
    },
    async confirm() {
      return true;
    },
    async *readBack() {
      if (!claimed) yield* target.readBack();
      else yield [...claimed.values()] satisfies LoadedEntry[];
    },
    close: () => target.close(),
  };
}

const file = createTarget(parseConfig({ target: { type: 'file', path } }, path).target, machineClock.wallMs);
await startAgent(
  {
    identity: JSON.parse(readFileSync(identityFile, 'utf8')) as Identity,
    timing: process.env.REBATO_TEST_TIMING === 'real' ? {} : fastTiming,
  },
  {
    target: process.env.REBATO_TEST_ACK_FIRST === '1' ? ackFirst(file) : file,
    store: await openDiskStore(state, machineClock),
    surroundings: noSurroundings,
  },
);

flushCompileCache();
