/**
 * Follows the elements of a set from the attempt to add them through every reading of the set, in the manner of Jepsen's set-full: an element
 * that was acknowledged, or seen once, must be in every reading that begins later. Times are any monotonic milliseconds.
 */
type Element = {
  readonly invokedAt: number;
  acknowledgedAt: number | undefined;
  /** End of the first reading that showed it. */
  firstReadAt: number | undefined;
  /** Beginnings of the last reading that showed it, and of the last that did not. */
  lastPresentAt: number | undefined;
  lastAbsentAt: number | undefined;
  maxCount: number;
};

export type SetVerdict = {
  readonly attempted: number;
  readonly acknowledged: number;
  /** Never acknowledged and there all the same: allowed, the answer was lost. */
  readonly recovered: number;
  readonly stable: number;
  /** Known once, and missing since. */
  readonly lost: readonly string[];
  /** Acknowledged and in no reading at all, although one began afterwards. */
  readonly neverRead: readonly string[];
  /** More than once in one reading. */
  readonly duplicated: readonly string[];
  /** In a reading, and nobody ever tried to add it. */
  readonly unexpected: readonly string[];
  /** Missing from a reading that began after it was known, and there later. An error where readings must be up to date. */
  readonly stale: readonly string[];
  readonly staleMaxMs: number;
};

export type SetChecker = {
  invoke(element: string, at: number): void;
  acknowledge(element: string, at: number): void;
  /** A whole reading: how often each element was there. */
  read(counts: ReadonlyMap<string, number>, beganAt: number, endedAt: number): void;
  verdict(): SetVerdict;
};

/** Examples kept of each kind of mistake: enough to look into, few enough to print. */
const examplesMax = 20;

export function createSetChecker(): SetChecker {
  const elements = new Map<string, Element>();
  const unexpected = new Set<string>();

  function mark(element: Element, count: number, beganAt: number, endedAt: number): void {
    if (count > 0) {
      element.firstReadAt ??= endedAt;
      element.lastPresentAt = beganAt;
      element.maxCount = Math.max(element.maxCount, count);
    } else if (element.invokedAt <= beganAt) element.lastAbsentAt = beganAt;
  }

  /** From when on every reading must show it. */
  function knownAt(element: Element): number {
    return Math.min(element.acknowledgedAt ?? Number.POSITIVE_INFINITY, element.firstReadAt ?? Number.POSITIVE_INFINITY);
  }

  return {
    invoke(name, at) {
      if (elements.has(name)) throw new Error(`the element ${name} was attempted before`);
      elements.set(name, {
        invokedAt: at,
        acknowledgedAt: undefined,
        firstReadAt: undefined,
        lastPresentAt: undefined,
        lastAbsentAt: undefined,
        maxCount: 0,
      });
    },
    acknowledge(name, at) {
      const element = elements.get(name);
      if (element === undefined) throw new Error(`the element ${name} was never attempted`);
      element.acknowledgedAt ??= at;
    },
    read(counts, beganAt, endedAt) {
      for (const [name, element] of elements) mark(element, counts.get(name) ?? 0, beganAt, endedAt);
      for (const name of counts.keys()) if (!elements.has(name)) unexpected.add(name);
    },
    verdict() {
      const lost: string[] = [];
      const neverRead: string[] = [];
      const duplicated: string[] = [];
      const stale: string[] = [];
      let [acknowledged, recovered, stable, staleMaxMs] = [0, 0, 0, 0];
      for (const [name, element] of elements) {
        if (element.acknowledgedAt !== undefined) acknowledged += 1;
        else if (element.lastPresentAt !== undefined) recovered += 1;
        if (element.maxCount > 1) duplicated.push(name);
        const known = knownAt(element);
        const present = element.lastPresentAt ?? Number.NEGATIVE_INFINITY;
        const absent = element.lastAbsentAt ?? Number.NEGATIVE_INFINITY;
        if (absent > present) {
          if (absent < known) continue;
          (element.firstReadAt === undefined ? neverRead : lost).push(name);
        } else if (element.lastPresentAt !== undefined) {
          stable += 1;
          if (absent >= known) {
            stale.push(name);
            staleMaxMs = Math.max(staleMaxMs, absent - known);
          }
        }
      }
      return {
        attempted: elements.size,
        ...{ acknowledged, recovered, stable, lost, neverRead, duplicated, stale, staleMaxMs },
        unexpected: [...unexpected],
      };
    },
  };
}

/** The verdict without its long lists: how many, and the first few. */
export function summarise(verdict: SetVerdict): Readonly<Record<string, unknown>> {
  const short = (names: readonly string[]): unknown =>
    names.length === 0 ? 0 : { count: names.length, first: names.slice(0, examplesMax) };
  const { lost, neverRead, duplicated, unexpected, stale, ...numbers } = verdict;
  return {
    ...numbers,
    lost: short(lost),
    neverRead: short(neverRead),
    duplicated: short(duplicated),
    unexpected: short(unexpected),
    stale: stale.length,
  };
}
