import type { Pool } from '#platform/db';
import type { Clock, Log } from '#platform/ports';
import type { Control, Owner, OwnerOf } from './control.ts';
import { limits } from './limits.ts';
import { changedControls, findControl } from './store.ts';

export type RosterDeps = { readonly db: Pool; readonly clock: Clock; readonly log: Log; readonly ownerOf: OwnerOf };

/** All controls in memory, at most two seconds behind the database: a thousand agents that answer at once ask it nothing. About 1 KB each. */
export type Roster = {
  get(id: string): Promise<Control | undefined>;
  /** Asks the database, at most once in half a second for each control: what is known may be older than an enrolment elsewhere. */
  recheck(id: string): Promise<Control | undefined>;
  /** As far as this process knows; for those who are told of changes anyway. */
  known(id: string): Control | undefined;
  all(): Iterable<Control>;
  /** The control's owner as of the last two seconds. */
  ownerOf(entityId: string): Promise<Owner | undefined>;
  /** Called for every control that changed, in whichever process. */
  onChange(heard: (control: Control) => void): void;
  refresh(): Promise<void>;
  /** Forgets what is remembered of an entity, so that the next question asks members. */
  forgetOwner(entityId: string): void;
  start(): Promise<void>;
  stop(): void;
};

export function createRoster(deps: RosterDeps): Roster {
  const controls = new Map<string, Control>();
  const owners = new Map<string, { readonly asked: Promise<Owner | undefined>; readonly goodUntilMs: number }>();
  const listeners: ((control: Control) => void)[] = [];
  const recheckedAt = new Map<string, number>();
  let newest: Date | null = null;
  let timer: NodeJS.Timeout | undefined;
  let reading: Promise<void> | undefined;

  function take(control: Control): void {
    const before = controls.get(control.id);
    if (before !== undefined && before.changedAt >= control.changedAt) return;
    controls.set(control.id, control);
    for (const heard of listeners) heard(control);
  }

  async function read(): Promise<void> {
    for (const control of await changedControls(deps.db, newest)) {
      if (newest === null || control.changedAt > newest) newest = control.changedAt;
      take(control);
    }
  }

  async function refresh(): Promise<void> {
    // Whoever asks while one is under way needs what comes after it: a change may have been committed in between.
    await reading?.catch(() => undefined);
    reading = read();
    await reading;
  }

  return {
    async get(id) {
      const known = controls.get(id);
      if (known !== undefined) return known;
      const found = await findControl(deps.db, id);
      if (found !== undefined) take(found);
      return found;
    },
    async recheck(id) {
      const now = deps.clock.monotonicMs();
      if (!controls.has(id) || now - (recheckedAt.get(id) ?? Number.NEGATIVE_INFINITY) < limits.recheckMs) return controls.get(id);
      recheckedAt.set(id, now);
      const found = await findControl(deps.db, id);
      if (found !== undefined) take(found);
      return controls.get(id);
    },
    known: (id) => controls.get(id),
    all: () => controls.values(),
    ownerOf(entityId) {
      const now = deps.clock.monotonicMs();
      const cached = owners.get(entityId);
      if (cached !== undefined && now < cached.goodUntilMs) return cached.asked;
      const asked = deps.ownerOf(entityId);
      owners.set(entityId, { asked, goodUntilMs: now + limits.ownerCacheMs });
      asked.catch(() => owners.delete(entityId));
      return asked;
    },
    onChange: (heard) => void listeners.push(heard),
    refresh,
    forgetOwner: (entityId) => void owners.delete(entityId),
    async start() {
      await refresh();
      timer = setInterval(() => {
        refresh().catch((error: unknown) =>
          deps.log.warn({ err: String(error) }, 'Changes of controls could not be read; the next try is in two seconds.'),
        );
      }, limits.rosterEveryMs);
      timer.unref();
    },
    stop: () => clearInterval(timer),
  };
}
