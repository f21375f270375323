import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domainToUnicode } from 'node:url';
import type { ValueKind } from '@rebato/contract';
import fc from 'fast-check';
import { type Canonical, canonicalise, isPublicSuffix, type NotCanonical, parseIp, parseNet, printIp } from '#values';
import { judge, judgeBatch } from './judge.ts';
import { suffixesOf } from './names.ts';
import { specialIpv4, specialIpv6, specialNames } from './special-purpose.ts';
import { assembleTables, builtinTables } from './tables.ts';
import type { GuardInput } from './verdict.ts';
import { wellKnownGroups } from './well-known/index.ts';

/** Cases in a normal run; REBATO_GUARD_CASES asks for a longer campaign. */
const cases = Number(process.env.REBATO_GUARD_CASES ?? '24000');

const members = [
  { kind: 'domain', value: 'correo.hospital-uno.es' },
  { kind: 'domain', value: 'xn--ayuntamiento-espaa-ixb.es' },
  { kind: 'net', value: '130.206.0.0/16' },
  { kind: 'ip', value: '45.10.20.30' },
  { kind: 'net', value: '2a00:9ac0::/32' },
] as const;
const own = [{ kind: 'domain', value: 'hub.rebato-red.es' }] as const;
const tables = assembleTables(builtinTables(), { own, members });

const guardedNets = [
  ...[...specialIpv4, ...specialIpv6].map(({ net }) => net),
  ...wellKnownGroups.flatMap((group) => group.nets ?? []),
  ...members.filter(({ kind }) => kind === 'net' || kind === 'ip').map(({ value }) => value),
];
/** A name, and whether a URL on it with a path may pass. */
const guardedNames = [
  ...wellKnownGroups.flatMap((group) => (group.names ?? []).map((name) => ({ name, shared: group.shared === true }))),
  ...specialNames.filter(({ name }) => name.includes('.')).map(({ name }) => ({ name, shared: false })),
  ...[...members, ...own].filter(({ kind }) => kind === 'domain').map(({ value }) => ({ name: value, shared: false })),
];

type Case = { readonly type: string; readonly raw: string };

/** Spellings of one IPv4 address that some program somewhere reads as that address. */
const v4Spellings: readonly ((octets: readonly number[]) => string)[] = [
  (o) => o.join('.'),
  (o) => o.map((n) => `0${n.toString(8)}`).join('.'),
  (o) => o.map((n) => `0x${n.toString(16)}`).join('.'),
  (o) => o.map((n) => String(n).padStart(3, '0')).join('.'),
  (o) => String(dword(o)),
  (o) => `0x${dword(o).toString(16)}`,
  (o) => `${o[0]}.${dword([0, ...o.slice(1)])}`,
  (o) => `${o[0]}.${o[1]}.${(o[2] ?? 0) * 256 + (o[3] ?? 0)}`,
  (o) => `${o.join('.')}.`,
  (o) => ` ${o.join('.')}\t`,
  (o) => o.join('[.]'),
  (o) => o.join('(dot)'),
  (o) => o.join('\u3002'),
  (o) => o.join('\uff0e'),
  (o) => [...o.join('.')].map((c) => (c === '.' ? c : String.fromCharCode(c.charCodeAt(0) + 0xfee0))).join(''),
  (o) => o.join('.\u200b'),
  (o) => `+${o.join('.')}`,
  (o) => `${o.join('.')}:53`,
  (o) => `${o.join('.')}/32`,
  (o) => `::ffff:${o.join('.')}`,
  (o) => `::FFFF:${hex(o)}`,
  (o) => `0:0:0:0:0:ffff:${hex(o)}`,
  (o) => `::${o.join('.')}`,
  (o) => `::ffff:0:${hex(o)}`,
  (o) => `64:ff9b::${o.join('.')}`,
  (o) => `0064:FF9B:0:0:0:0:${hex(o)}`,
  (o) => `64:ff9b:1::${hex(o)}`,
  (o) => `2002:${hex(o)}::`,
  (o) => `2002:${hex(o)}::1`,
  (o) => `2001:0:4136:e378:8000:63bf:${hex(o.map((n) => 255 - n))}`,
  (o) => `2a0b:f4c2::5efe:${o.join('.')}`,
  (o) => `2a0b:f4c2::200:5efe:${hex(o)}`,
  (o) => `[::ffff:${o.join('.')}]`,
  (o) => `::ffff:${o.join('.')}%eth0`,
  (o) => `::ffff:${o.join('.')}/128`,
];

function dword(octets: readonly number[]): number {
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

function hex(o: readonly number[]): string {
  return `${((o[0] ?? 0) * 256 + (o[1] ?? 0)).toString(16)}:${((o[2] ?? 0) * 256 + (o[3] ?? 0)).toString(16)}`;
}

const v6Spellings: readonly ((address: string) => string)[] = [
  (a) => a,
  (a) => a.toUpperCase(),
  (a) => expand(a),
  (a) => expand(a).toUpperCase(),
  (a) => `${a}%1`,
  (a) => `${a}%25eth0`,
  (a) => `[${a}]`,
  (a) => `${a}/128`,
  (a) => a.replaceAll(':', '[:]'),
  (a) => ` ${a} `,
];

function expand(address: string): string {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...new Array<string>(missing).fill('0'), ...right].map((group) => group.padStart(4, '0')).join(':');
}

const nameSpellings: readonly ((name: string) => string)[] = [
  (n) => n,
  (n) => n.toUpperCase(),
  (n) => [...n].map((c, i) => (i % 2 === 0 ? c.toUpperCase() : c)).join(''),
  (n) => `${n}.`,
  (n) => `${n}..`,
  (n) => ` ${n}\n`,
  (n) => `*.${n}`,
  (n) => `.${n}`,
  (n) => n.replaceAll('.', '[.]'),
  (n) => n.replaceAll('.', '\u3002'),
  (n) => n.replaceAll('.', '\uff61'),
  (n) => [...n].map((c) => (/[a-z]/.test(c) ? String.fromCharCode(c.charCodeAt(0) + 0xfee0) : c)).join(''),
  (n) => n.replace(/^(.)/, '$1\u00ad'),
  (n) => n.replace(/\./, '\u200d.'),
  (n) => `${n}:443`,
  (n) => domainToUnicode(n),
  (n) => domainToUnicode(n).toUpperCase(),
  (n) => domainToUnicode(n).normalize('NFD'),
  (n) => `${n}\0.evil.top`,
  (n) => encodeURIComponent(n).replaceAll('.', '%2e'),
];

/** Names beneath the guarded one. */
const beneathSpellings: readonly ((name: string) => string)[] = [(n) => `www.${n}`, (n) => `A.b.Zz9.${n}.`, (n) => `xn--mgbh0fb.${n}`];

const urlFrames: readonly ((host: string, path: string) => string)[] = [
  (h, p) => `http://${h}${p}`,
  (h, p) => `HTTPS://${h}${p}`,
  (h, p) => `https://${h}:443${p}`,
  (h, p) => `https://${h}:8443${p}`,
  (h, p) => `https://user:pw@${h}${p}`,
  (h, p) => `https://evil.top@${h}${p}`,
  (h, p) => `https://evil.top%40${h}${p}`,
  (h, p) => `hxxps://${h}${p}`,
  (h, p) => `https:\\\\${h}${p}`,
  (h, p) => `https://${h}\\@evil.top${p}`,
  (h, p) => `ht\ttps://${h}${p}`,
  (h, p) => `https:///${h}${p}`,
  (h, p) => `//${h}${p}`,
  (h) => `https://${h}#@evil.top`,
  (h) => `https://${h}#x`,
  (h, p) => `https://%${h.charCodeAt(0).toString(16)}${h.slice(1)}${p}`,
  (h, p) => `ftp://${h}${p}`,
  (h) => `https://${h}`,
];

const pick = <T>(list: readonly T[], at: number): T => list[at % list.length] as T;

/** One hostile case from five random numbers. */
function hostile([which, entry, host, spelling, frame]: readonly [number, number, number, number, number]): Case {
  if (which % 2 === 0) {
    const net = parseNet(pick(guardedNets, entry));
    assert.ok(net);
    const width = net.family === 4 ? 32 : 128;
    const inside = net.bytes + ((BigInt(host) * 2654435761n) % (1n << BigInt(width - net.prefix)));
    const address = printIp({ family: net.family, bytes: inside });
    const text = net.family === 4 ? pick(v4Spellings, spelling)(address.split('.').map(Number)) : pick(v6Spellings, spelling)(address);
    if (frame % 4 === 0)
      return { type: 'url', raw: pick(urlFrames, frame >> 2)(text.includes(':') && !text.startsWith('[') ? `[${text}]` : text, '/x') };
    if (frame % 4 === 1) return { type: 'ip-dst|port', raw: `${text}|443` };
    if (frame % 4 === 2) return { type: 'domain', raw: text };
    return { type: 'ip-dst', raw: text };
  }
  const { name, shared } = pick(guardedNames, entry);
  // Beneath a suffix that a company lets out, every name is another customer.
  const tenants = shared && isPublicSuffix(name);
  const text = pick(tenants ? nameSpellings : [...nameSpellings, ...beneathSpellings], spelling)(name);
  // A full URL on a host of many customers may be blocked; a URL that is the whole host may not.
  if (frame % 3 === 0) {
    const made = pick(urlFrames, frame >> 2)(shared ? name : text, shared ? '/' : '/x');
    return { type: 'url', raw: made };
  }
  return { type: frame % 3 === 1 ? 'domain' : 'hostname', raw: text };
}

function harmless(value: { kind: ValueKind; value: string }): boolean {
  return judge({ ...value, tlp: 'green', pap: 'green' }, tables).verdict !== 'pass';
}

/** The order that the hub uses: canonical form first, then the guard on the value and on each part of it. */
function guarded({ type, raw }: Case): boolean {
  const read: Canonical | NotCanonical = canonicalise(type, raw);
  if (!read.ok) return true;
  return harmless(read);
}

/** The wrong order, for the control: look the text up as it came, and canonicalise what was not found. */
function guardedTooEarly({ type, raw }: Case): boolean {
  const suffixes = raw.split('.').map((_, i, labels) => labels.slice(i).join('.'));
  const ip = parseIp(raw);
  const bits = Number(ip?.bytes ?? 0n);
  const found =
    tables.wellKnown.names.find(suffixes) ??
    tables.members.names.find(suffixes) ??
    tables.own.names.find(suffixes) ??
    tables.specialNames.find(suffixes);
  if (found !== undefined) return true;
  if (
    ip?.family === 4 &&
    (tables.special.v4(bits, bits) ?? tables.wellKnown.ranges.v4(bits, bits) ?? tables.members.ranges.v4(bits, bits)) !== undefined
  )
    return true;
  // Nothing found, so the value goes on in its canonical form: it is guarded only if it has none.
  return !canonicalise(type, raw).ok;
}

const anyCase = fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat(), fc.nat()).map(hostile);

test(`no hostile spelling of a guarded value passes (${cases} cases)`, () => {
  let refusedByForm = 0;
  let stoppedByGuard = 0;
  fc.assert(
    fc.property(anyCase, (one) => {
      if (canonicalise(one.type, one.raw).ok) stoppedByGuard++;
      else refusedByForm++;
      assert.ok(guarded(one), `${one.type} ${JSON.stringify(one.raw)} passes`);
    }),
    { numRuns: cases },
  );
  // Both defences must really be exercised, or the property says nothing.
  assert.ok(stoppedByGuard > cases / 10, `only ${stoppedByGuard} reached the guard`);
  assert.ok(refusedByForm > cases / 10, `only ${refusedByForm} were refused by form`);
});

test('control: a guard that looks before the canonical form is caught by the same cases', () => {
  const found = fc.check(fc.property(anyCase, guardedTooEarly), { numRuns: 2000 });
  assert.equal(found.failed, true);
});

test('every guarded entry in every spelling that keeps its form is stopped, without chance', () => {
  let checked = 0;
  for (let entry = 0; entry < guardedNets.length; entry++) {
    for (let spelling = 0; spelling < v4Spellings.length; spelling++) {
      const one = hostile([0, entry, spelling, spelling, 3]);
      assert.ok(guarded(one), JSON.stringify(one));
      checked++;
    }
  }
  for (let entry = 0; entry < guardedNames.length; entry++) {
    for (let spelling = 0; spelling < nameSpellings.length + beneathSpellings.length; spelling++) {
      const one = hostile([1, entry, 0, spelling, 1]);
      assert.ok(guarded(one), JSON.stringify(one));
      checked++;
    }
  }
  assert.ok(checked >= 20_000, `${checked} checked`);
});

test('C32: a batch of N gives N verdicts, each the one of its own value', () => {
  const kinds = ['ip', 'domain', 'url', 'email', 'hash', 'asn'] as const;
  const values = fc.oneof(
    fc.constantFrom<readonly [ValueKind, string]>(
      ['ip', '8.8.8.8'],
      ['ip', '45.95.147.236'],
      ['domain', 'google.com'],
      ['domain', 'evil-login.top'],
      ['net', '10.0.0.0/8'],
    ),
    fc.tuple(fc.constantFrom(...kinds), fc.string({ maxLength: 20 })),
    fc.ipV4().map((value) => ['ip', value] as const),
    fc.domain().map((value) => ['domain', value] as const),
  );
  const input = fc.tuple(values, fc.constantFrom('clear', 'green', 'red'), fc.constantFrom('clear', 'green', 'amber'));
  fc.assert(
    fc.property(fc.array(input, { maxLength: 60 }), (list) => {
      const inputs: GuardInput[] = list.map(([[kind, value], tlp, pap]) => ({ kind, value, tlp, pap }) as GuardInput);
      const seen: string[] = [];
      // Reading `value` is how a judge looks at an input: each of the N must be looked at.
      const watched = inputs.map((one) => ({
        ...one,
        get value() {
          seen.push(one.value);
          return one.value;
        },
      }));
      const verdicts = judgeBatch(watched, tables);
      assert.equal(verdicts.length, inputs.length);
      assert.deepEqual(
        verdicts,
        inputs.map((one) => judge(one, tables)),
      );
      const counted = new Map<string, number>();
      for (const value of seen) counted.set(value, (counted.get(value) ?? 0) + 1);
      for (const { value } of inputs) assert.ok((counted.get(value) ?? 0) >= inputs.filter((one) => one.value === value).length);
    }),
    { numRuns: 300 },
  );
});

test('judge: never throws, whatever the text, and never passes what is not canonical', () => {
  const kinds = ['ip', 'net', 'domain', 'url', 'email', 'asn'] as const;
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.oneof(fc.string({ unit: 'binary', maxLength: 80 }), fc.webUrl(), fc.ipV6(), fc.emailAddress()),
      (kind, value) => {
        const { verdict } = judge({ kind, value, tlp: 'clear', pap: 'clear' }, tables);
        if (verdict === 'pass' && kind === 'domain') assert.ok(suffixesOf(value));
        if (verdict === 'pass' && kind === 'ip') assert.ok(parseIp(value));
        if (verdict === 'pass' && kind === 'net') assert.ok(parseNet(value));
      },
    ),
    { numRuns: 3000 },
  );
});
