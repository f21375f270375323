import { embeddedIpv4, parseIp, parseNet } from '#values';
import { listHold, memberHold, ownRefusal } from './judge-rest.ts';
import { autoPrefix, widestPrefix } from './limits.ts';
import type { GuardTables } from './tables.ts';
import { type GuardVerdict, hold, pass, refusal } from './verdict.ts';

/** First and last address. A union by family, so that IPv4 stays in plain numbers. */
type Span =
  | { readonly family: 4; readonly first: number; readonly last: number }
  | { readonly family: 6; readonly first: bigint; readonly last: bigint };

const sharedAddress = hold(
  'shared_host',
  'Many customers share this host: a block of its address would hit all of them.',
  'Block the full URL instead; two people may release the address.',
);

/** Judges one address, or undefined when the text is none. `shared`: it is the address behind a URL of a host with many customers. */
export function judgeAddress(value: string, tables: GuardTables, shared: boolean): GuardVerdict | undefined {
  const ip = value.includes('/') ? undefined : parseIp(value);
  if (!ip) return undefined;
  if (ip.family === 4) {
    const bits = Number(ip.bytes);
    return judgeSpan({ family: 4, first: bits, last: bits }, 'ip', tables, shared);
  }
  const outer = judgeSpan({ family: 6, first: ip.bytes, last: ip.bytes }, 'ip', tables, shared);
  if (outer.verdict === 'refuse') return outer;
  const inner = embeddedIpv4(value);
  if (inner !== undefined) {
    const verdict = judgeAddress(inner, tables, shared) ?? pass;
    if (verdict.verdict !== 'pass') return { ...verdict, message: `The address carries ${inner}. ${verdict.message}` };
    return outer;
  }
  // RFC 4291: only 2000::/3 is handed out. Forms that carry an IPv4 address lie outside as well, and were judged above.
  if (ip.bytes >> 125n !== 1n) return unallocated;
  return outer;
}

const unallocated = refusal('special_purpose', 'This address is not handed out to anybody.', 'Correct the address.');

/** Judges a network, or undefined when the text is none. */
export function judgeNet(value: string, tables: GuardTables): GuardVerdict | undefined {
  const net = value.includes('/') ? parseNet(value) : undefined;
  if (!net) return undefined;
  const span = spanOf(net.family, net.bytes, net.prefix);
  if (span.family === 6) {
    const carries = tables.transition.v6(span.first, span.last);
    if (carries !== undefined) {
      return refusal(
        'special_purpose',
        `The network lies in ${carries}, whose addresses stand for IPv4 addresses.`,
        'Report the IPv4 network.',
      );
    }
  }
  const special = judgeSpecial(span, tables);
  if (special) return special;
  if (span.family === 6 && net.bytes >> 125n !== 1n) return unallocated;
  if (net.prefix < widestPrefix[net.family]) {
    return refusal('prefix_width', `A network wider than /${widestPrefix[net.family]} is never blocked.`, 'Report the parts that attack.');
  }
  const verdict = judgeSpan(span, 'net', tables, false);
  if (verdict.verdict === 'refuse' || net.prefix >= autoPrefix[net.family]) return verdict;
  return hold(
    'prefix_width',
    // Whoever releases it must see what else stands against it.
    `A network wider than /${autoPrefix[net.family]} hits many who have nothing to do with it.${verdict.verdict === 'hold' ? ` ${verdict.message}` : ''}`,
    `Report parts of at most /${autoPrefix[net.family]}; two people may release it.`,
  );
}

function spanOf(family: 4 | 6, bytes: bigint, prefix: number): Span {
  if (family === 4) return { family: 4, first: Number(bytes), last: Number(bytes) + 2 ** (32 - prefix) - 1 };
  return { family: 6, first: bytes, last: bytes | ((1n << BigInt(128 - prefix)) - 1n) };
}

function judgeSpecial(span: Span, tables: GuardTables): GuardVerdict | undefined {
  const why = span.family === 4 ? tables.special.v4(span.first, span.last) : tables.special.v6(span.first, span.last);
  return why === undefined
    ? undefined
    : refusal('special_purpose', `This is, or contains, an address that is ${why}.`, 'Leave it out: it is nobody on the Internet.');
}

function judgeSpan(span: Span, kind: 'ip' | 'net', tables: GuardTables, shared: boolean): GuardVerdict {
  const special = judgeSpecial(span, tables);
  if (special) return special;
  const { own, members, wellKnown, lists } = tables;
  const four = span.family === 4;
  if ((four ? own.ranges.v4(span.first, span.last) : own.ranges.v6(span.first, span.last)) === true) {
    return ownRefusal;
  }
  const known = four ? wellKnown.ranges.v4(span.first, span.last) : wellKnown.ranges.v6(span.first, span.last);
  if (known?.vital === true) return refusal('well_known', `A block would hit ${known.reason}.`, 'Correct the report.');
  if ((four ? members.ranges.v4(span.first, span.last) : members.ranges.v6(span.first, span.last)) === true) {
    return memberHold;
  }
  if (known !== undefined) {
    return hold('well_known', `A block would hit ${known.reason}.`, 'Report a URL or a name instead; two people may release it.');
  }
  if (shared) return sharedAddress;
  const listed = four ? lists.ranges.v4(span.first, span.last) : lists.ranges.v6(span.first, span.last);
  if (listed === undefined) return pass;
  return listHold(kind, '', tables, undefined, listed) ?? pass;
}
