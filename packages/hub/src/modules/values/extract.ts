import { canonicalise } from './canonical.ts';
import { type Candidate, candidatesMax, extractMaxChars, type Finding, findingsMax } from './finding.ts';
import type { Canonical } from './kinds.ts';
import { refang } from './refang.ts';
import type { Scan } from './scan.ts';
import { scanFiles, scanHashes, scanIdentifiers, scanMutexes, scanRegistry } from './scan-artifacts.ts';
import { claimRequestPaths, scanHosts, scanIpv6, scanMail, scanUrls } from './scan-network.ts';
import { signatureRanges } from './surroundings.ts';

/** The sender's own names: in a signature or a mail header they are the sender, not an indicator. */
export type Own = { readonly domains: readonly string[]; readonly people?: readonly string[] };

/**
 * Values in a text, defanged or not, one per canonical value, in order of first appearance. Pure and linear in the length of the text;
 * reads at most `extractMaxChars` and returns at most `findingsMax`. Finds rather less than too much: what it returns goes to people.
 */
export function extract(text: string, options: { readonly own?: Own } = {}): Finding[] {
  const original = text.length > extractMaxChars ? text.slice(0, extractMaxChars) : text;
  const refanged = refang(original);
  let looked = 0;
  const found: (Candidate & { readonly canonical: Canonical })[] = [];
  const scan: Scan = {
    text: refanged.text,
    edited: refanged.editedBetween,
    claimed: new Uint8Array(refanged.text.length + 1),
    suffixes: new Map(),
    lastFileEnd: -1,
    report: (candidate) => {
      if (++looked > candidatesMax) return;
      const canonical = canonicalise(candidate.type, candidate.value);
      if (canonical.ok) found.push({ ...candidate, canonical });
    },
  };
  for (const scanner of scanners) scanner(scan);
  found.sort((a, b) => a.from - b.from);

  const signatures = signatureRanges(refanged.text);
  let signature = 0;
  const own = ownNames(options.own);
  const byValue = new Map<string, Finding>();
  for (const { from, to, ...candidate } of found) {
    // Both lists are in order: one step forward instead of a search, because hostile text has many signatures.
    while ((signatures[signature]?.[1] ?? Number.POSITIVE_INFINITY) <= from) signature++;
    const signed = from >= (signatures[signature]?.[0] ?? Number.POSITIVE_INFINITY);
    if (isOwn(own, candidate, signed)) continue;
    const key = `${candidate.canonical.kind} ${candidate.canonical.value}`;
    const earlier = byValue.get(key);
    if (earlier) {
      // A second, clearer mention settles the first; its place stays the first.
      if (earlier.confidence === 'maybe' && candidate.confidence === 'sure') byValue.set(key, { ...earlier, confidence: 'sure' });
      continue;
    }
    if (byValue.size >= findingsMax) break;
    const start = refanged.source(from);
    byValue.set(key, {
      ...candidate,
      ...(signed ? { context: 'signature' as const, confidence: 'maybe' as const } : {}),
      start,
      end: Math.max(start, refanged.source(to)),
      defanged: refanged.editedBetween(from, to) || /^(?:h[x*_]{2}p|fxp|meow)/i.test(refanged.text.slice(from, from + 4)),
    });
  }
  return [...byValue.values()];
}

/** Most specific first: each claims what it has understood. */
const scanners: readonly ((scan: Scan) => void)[] = [
  scanRegistry,
  scanUrls,
  scanMail,
  scanMutexes,
  scanHashes,
  scanFiles,
  scanIdentifiers,
  claimRequestPaths,
  scanIpv6,
  scanHosts,
];

type OwnNames = { readonly domains: readonly string[]; readonly people: ReadonlySet<string> };

function ownNames(own: Own | undefined): OwnNames {
  return {
    domains: (own?.domains ?? []).map((domain) => domain.toLowerCase()),
    people: new Set((own?.people ?? []).map((address) => address.toLowerCase())),
  };
}

/** In a signature everything under an own domain goes; in a mail header the own people; elsewhere nothing: an attack may use own names. */
function isOwn(own: OwnNames, candidate: { readonly canonical: Canonical; readonly context?: string }, signed: boolean): boolean {
  const { canonical } = candidate;
  if (!signed && candidate.context !== 'mail_header') return false;
  if (canonical.kind === 'email' && own.people.has(canonical.value.toLowerCase())) return true;
  if (!signed) return false;
  const host = canonical.kind === 'domain' ? canonical.value : (canonical.parts ?? []).find((part) => part.kind === 'domain')?.value;
  return host !== undefined && own.domains.some((domain) => host === domain || host.endsWith(`.${domain}`));
}
