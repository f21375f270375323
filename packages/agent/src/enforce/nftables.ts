import type { ValueKind } from '@rebato/contract';
import { contains, parseAddress, parseNet, type Span } from '../guard/address.ts';
import { ElementReader, elementValue } from './nft-json.ts';
import { runProgram } from './program.ts';
import { type LoadedEntry, type Target, type TargetChanges, type TargetEntry, TargetError } from './target.ts';

export type NftablesTargetOptions = {
  /** The nft program. */
  readonly program: string;
  /** Name of a network namespace to work in. */
  readonly netns?: string;
  readonly table: string;
  readonly capacity: number;
  readonly timeoutMs: number;
};

type Net = { readonly span: Span; readonly seconds: number | undefined };
type SetName = 'host4' | 'host6' | 'net4' | 'net6';
const setNames: readonly SetName[] = ['host4', 'host6', 'net4', 'net6'];
const hooks = ['input', 'forward', 'output'] as const;
/** Before the usual filter chains at 0, so that nobody's accept comes first. */
const chainPriority = -10;
/** Commands in one transaction. nft needs about 1 kB for each while it works. */
const commandsPerTransaction = 5_000;
/** Elements that are asked for by name after a change, instead of reading the whole set. */
const confirmAdditionsMax = 500;
const confirmRemovalsMax = 4;
/** A timeout of the kernel is at most a few hundred days; a lease is far shorter. */
const timeoutMaxSeconds = 180 * 86_400;

/**
 * The kernel's packet filter, table `inet rebato`. Hosts are in hash sets, where adding one takes microseconds; nets in interval sets, kept
 * small. Every lease is an element timeout, so it ends with no agent running. Everything goes in as JSON on standard input, one transaction
 * per batch: the kernel takes it whole or not at all.
 */
export function nftablesTarget(options: NftablesTargetOptions): Target {
  const prefix = options.netns === undefined ? [] : ['ip', 'netns', 'exec', options.netns];
  const family = 'inet';
  const table = options.table;
  const inTable = { family, table };
  /** Every wanted net, with the covered ones: an interval set takes no overlap, so only the outermost are loaded. */
  let nets = new Map<string, Net>();

  const nft = (args: readonly string[], input?: string, output?: (chunks: AsyncIterable<Uint8Array>) => Promise<void>): Promise<void> =>
    runProgram({
      argv: [...prefix, options.program, ...args],
      timeoutMs: options.timeoutMs,
      ...(input === undefined ? {} : { inputFile: input }),
      ...(output === undefined ? {} : { output }),
    });
  const transact = (commands: readonly unknown[]): Promise<void> => nft(['-j', '-f', '-'], JSON.stringify({ nftables: commands }));

  const timed = (val: unknown, seconds: number | undefined): unknown =>
    // Without a timeout the element is permanent. A lease never lasts longer than what remains of it.
    seconds === undefined ? val : { elem: { val, timeout: Math.min(timeoutMaxSeconds, Math.max(1, Math.floor(seconds))) } };
  const elements = (name: SetName, elem: readonly unknown[]): unknown => ({ element: { ...inTable, name, elem } });

  function* hostCommands(changes: TargetChanges): Generator<unknown[]> {
    // "add" first makes "delete" succeed whether or not the element is there: it may have timed out, or been removed by hand.
    for (const { kind, value } of changes.remove) {
      const set = kind === 'ip' ? hostSet(value) : undefined;
      if (set) yield [{ add: elements(set, [value]) }, { delete: elements(set, [value]) }];
    }
    for (const { kind, value, seconds } of changes.add) {
      if (kind !== 'ip') continue;
      const set = hostSet(value);
      if (!set) throw new TargetError('not_canonical', 'an address that is not canonical');
      // A second "add" does not renew a timeout, so the element goes and comes in the same transaction.
      yield [{ add: elements(set, [value]) }, { delete: elements(set, [value]) }, { add: elements(set, [timed(value, seconds)]) }];
    }
  }

  /** Both net sets anew. nft mistakes a narrower net that takes a wider one's place for an overlap, and these sets are small. */
  function netCommands(wanted: ReadonlyMap<string, Net>): unknown[] {
    const outer = outermost(wanted);
    return (['net4', 'net6'] as const).flatMap((name) => {
      const elem: unknown[] = [];
      for (const value of outer) {
        const net = wanted.get(value);
        if (net && name === `net${net.span.family}`) {
          elem.push(timed({ prefix: { addr: value.slice(0, value.indexOf('/')), len: net.span.bits } }, net.seconds));
        }
      }
      const flush = { flush: { set: { ...inTable, name } } };
      return elem.length === 0 ? [flush] : [flush, { add: elements(name, elem) }];
    });
  }

  async function* elementsOf(set: SetName): AsyncGenerator<LoadedEntry[]> {
    const reader = new ElementReader();
    const decoder = new TextDecoder();
    const kind: ValueKind = set.startsWith('net') ? 'net' : 'ip';
    const found: LoadedEntry[] = [];
    await nft(['-j', 'list', 'set', family, table, set], undefined, async (chunks) => {
      for await (const chunk of chunks) {
        for (const one of reader.push(decoder.decode(chunk, { stream: true }))) {
          const value = elementValue(one);
          if (value !== undefined)
            found.push({ kind, value: kind === 'net' && !value.includes('/') ? `${value}/${set === 'net4' ? 32 : 128}` : value });
        }
      }
    });
    yield found;
  }

  /** Whether all of these canonical addresses are elements. "get" has no JSON form; the words are one argument, and no shell reads them. */
  async function areThere(set: SetName, values: readonly string[]): Promise<boolean> {
    try {
      await nft(['get', 'element', family, table, set, `{ ${values.join(', ')} }`]);
      return true;
    } catch {
      return false;
    }
  }

  return {
    name: `nftables ${family} ${table}`,
    kinds: new Set<ValueKind>(['ip', 'net']),
    capacity: options.capacity,
    async open() {
      const commands: unknown[] = [{ add: { table: { family, name: table } } }];
      for (const name of setNames) {
        const flags = name.startsWith('net') ? ['interval', 'timeout'] : ['timeout'];
        commands.push({ add: { set: { ...inTable, name, type: name.endsWith('4') ? 'ipv4_addr' : 'ipv6_addr', flags } } });
      }
      for (const hook of hooks) {
        commands.push({ add: { chain: { ...inTable, name: hook, type: 'filter', hook, prio: chainPriority, policy: 'accept' } } });
        // Emptied and filled in one transaction: there is no moment without rules.
        commands.push({ flush: { chain: { ...inTable, name: hook } } });
        for (const set of setNames)
          for (const field of fieldsOf(hook)) commands.push({ add: { rule: { ...inTable, chain: hook, expr: dropRule(set, field) } } });
      }
      await transact(commands);
    },
    async intact() {
      let text = '';
      try {
        await nft(['-j', '-t', 'list', 'table', family, table], undefined, async (chunks) => {
          for await (const chunk of chunks) if (text.length < 1 << 20) text += Buffer.from(chunk).toString('utf8');
        });
        const { nftables } = JSON.parse(text) as { nftables: Record<string, { name?: string; chain?: string; expr?: unknown }>[] };
        const sets = nftables.flatMap(({ set }) => (set?.name === undefined ? [] : [set.name]));
        const ruleCount = (hook: string): number =>
          nftables.filter(({ rule }) => rule?.chain === hook && JSON.stringify(rule.expr).includes('"drop"')).length;
        return (
          setNames.every((name) => sets.includes(name)) &&
          hooks.every((hook) => ruleCount(hook) === setNames.length * fieldsOf(hook).length)
        );
      } catch {
        return false;
      }
    },
    async apply(changes) {
      const netsChange = [...changes.add, ...changes.remove].some(({ kind }) => kind === 'net');
      const wanted = netsChange ? netsOf(changes.all()) : nets;
      let commands: unknown[] = netsChange ? netCommands(wanted) : [];
      for (const group of hostCommands(changes)) {
        commands.push(...group);
        if (commands.length < commandsPerTransaction) continue;
        await transact(commands);
        commands = [];
      }
      if (commands.length > 0) await transact(commands);
      nets = wanted;
    },
    async confirm({ add, remove }) {
      // A few are looked up by name; for many, and for nets, reading everything is cheaper or the only way.
      if (remove.length > confirmRemovalsMax || add.length > confirmAdditionsMax) return false;
      if ([...add, ...remove].some(({ kind }) => kind !== 'ip')) return false;
      for (const set of ['host4', 'host6'] as const) {
        const there = add.filter(({ value }) => hostSet(value) === set).map(({ value }) => value);
        if (there.length > 0 && !(await areThere(set, there))) return false;
        for (const { value } of remove) if (hostSet(value) === set && (await areThere(set, [value]))) return false;
      }
      return true;
    },
    async *readBack() {
      const found = new Set<string>();
      for (const set of setNames) {
        for await (const entries of elementsOf(set)) {
          for (const { kind, value } of entries) if (kind === 'net') found.add(value);
          yield entries;
        }
      }
      // A net inside a loaded one is in force by it.
      const covering = [...found].map(parseNet).filter((span): span is Span => span !== undefined);
      const covered: LoadedEntry[] = [];
      for (const [value, { span }] of nets) {
        if (!found.has(value) && covering.some((outer) => contains(outer, span))) covered.push({ kind: 'net', value });
      }
      if (covered.length > 0) yield covered;
    },
    async close() {},
  };
}

/** What is looked at in a packet: its sender when it comes in, its receiver when it leaves, both when it passes through. */
function fieldsOf(hook: (typeof hooks)[number]): readonly ('saddr' | 'daddr')[] {
  return hook === 'input' ? ['saddr'] : hook === 'output' ? ['daddr'] : ['saddr', 'daddr'];
}

function dropRule(set: SetName, field: 'saddr' | 'daddr'): unknown[] {
  const protocol = set.endsWith('4') ? 'ip' : 'ip6';
  return [
    { match: { op: '==', left: { payload: { protocol, field } }, right: `@${set}` } },
    { counter: { packets: 0, bytes: 0 } },
    { drop: null },
  ];
}

function hostSet(value: string): 'host4' | 'host6' | undefined {
  const span = parseAddress(value);
  return span && `host${span.family}`;
}

function netsOf(entries: Iterable<TargetEntry>): Map<string, Net> {
  const nets = new Map<string, Net>();
  for (const { kind, value, seconds } of entries) {
    const span = kind === 'net' ? parseNet(value) : undefined;
    if (span) nets.set(value, { span, seconds });
  }
  return nets;
}

/** The nets that lie in no other one. Prefixes nest or are apart, so after sorting each is inside the last outer one or outside all. */
function outermost(nets: ReadonlyMap<string, { span: Span }>): Set<string> {
  const sorted = [...nets].sort(([, { span: a }], [, { span: b }]) => {
    if (a.family !== b.family) return a.family - b.family;
    return a.from < b.from ? -1 : a.from > b.from ? 1 : a.bits - b.bits;
  });
  const result = new Set<string>();
  let outer: Span | undefined;
  for (const [value, { span }] of sorted) {
    if (outer && contains(outer, span)) continue;
    outer = span;
    result.add(value);
  }
  return result;
}
