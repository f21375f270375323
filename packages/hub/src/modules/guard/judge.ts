import { isEmptyContentHash, isPublicSuffix } from '#values';
import { judgeAddress, judgeNet } from './judge-address.ts';
import { judgeName } from './judge-name.ts';
import { listHold, memberHold, ownRefusal, reservedAsn } from './judge-rest.ts';
import { searchMaxChars } from './limits.ts';
import { suffixesOf } from './names.ts';
import type { GuardTables } from './tables.ts';
import { blockable, type GuardInput, type GuardVerdict, hold, pass, refusal } from './verdict.ts';

/**
 * What may happen to one value. Rules run in the order of the documentation; the first that refuses wins, and if none does, the first that
 * holds. A release by two people takes back a hold, never a refusal, and never what the marking of the item says.
 */
export function judge(input: GuardInput, tables: GuardTables): GuardVerdict {
  const about = judgeValue(input, tables);
  if (about.verdict === 'refuse') return about;
  const marking = judgeMarking(input);
  if (marking.verdict === 'refuse') return marking;
  if (about.verdict === 'hold' && tables.overrides.has(overrideKey(input.kind, input.value))) return pass;
  return about;
}

/** One verdict for each input, in order. Every value is judged by itself: nothing is taken over from its neighbour. */
export function judgeBatch(inputs: readonly GuardInput[], tables: GuardTables): GuardVerdict[] {
  const verdicts: GuardVerdict[] = [];
  for (const input of inputs) verdicts.push(judge(input, tables));
  return verdicts;
}

/** How a release names what it releases. */
export function overrideKey(kind: string, value: string): string {
  return `${kind} ${value}`;
}

function judgeMarking(input: GuardInput): GuardVerdict {
  if (input.pap === 'amber' || input.pap === 'red') {
    return refusal(
      'pap',
      `PAP:${input.pap.toUpperCase()} does not allow active measures.`,
      'Share it for watching only, or ask the source for PAP:GREEN.',
    );
  }
  if (input.tlp === 'red') {
    return refusal('tlp', 'TLP:RED is for named recipients; a block list is read by everybody.', 'Ask the source for a wider marking.');
  }
  if (!blockable[input.kind]) {
    return refusal(
      'kind',
      `No control can block a value of the kind ${input.kind}.`,
      'Share it as an indicator: people and hunts can use it.',
    );
  }
  return pass;
}

const notCanonical = refusal('canonical', 'The value is not in its canonical form.', 'Send it through the normaliser first.');

function judgeValue(input: GuardInput, tables: GuardTables): GuardVerdict {
  const { kind, value } = input;
  switch (kind) {
    case 'ip':
      return judgeAddress(value, tables, input.sharedHostUrl === true) ?? notCanonical;
    case 'net':
      return judgeNet(value, tables) ?? notCanonical;
    case 'domain': {
      const verdict = judgeName(value, tables, 'domain');
      if (verdict && verdict.verdict === 'pass' && input.sharedHostUrl === true) return sharedHost;
      return verdict ?? notCanonical;
    }
    case 'url':
      return judgeUrl(value, tables);
    case 'email':
      return judgeMail(value, tables);
    case 'hash':
      if (isEmptyContentHash(value)) {
        return refusal(
          'empty_hash',
          'This is the digest of an empty file, or no digest at all.',
          'Leave it out: it matches harmless files everywhere.',
        );
      }
      return judgeExact(input, tables, value.slice(value.indexOf(':') + 1));
    case 'asn':
      return judgeAsn(value, tables);
    case 'filename':
    case 'mutex':
    case 'regkey':
      return matchesEverything(value)
        ? refusal('match_all', 'The value is a pattern that matches everything.', 'Give the full name of the one thing that is meant.')
        : judgeExact(input, tables, value);
    default:
      return judgeExact(input, tables, value);
  }
}

const sharedHost = hold(
  'shared_host',
  'Many customers share this host: a block would hit all of them.',
  'Block the full URL instead; two people may release the host.',
);

function judgeExact({ kind, value }: GuardInput, tables: GuardTables, text: string): GuardVerdict {
  const key = overrideKey(kind, value);
  if (tables.own.exact.has(key)) return ownRefusal;
  if (tables.members.exact.has(key)) return memberHold;
  return listHold(kind, text, tables) ?? pass;
}

const mailAction = 'Report the full mail address of the one sender.';

/** RFC 2142: mailboxes that exist everywhere and reach whoever could help. */
const roleMailbox = new Set(['abuse', 'postmaster', 'hostmaster', 'security', 'noc', 'soc', 'cert', 'csirt', 'mailer-daemon']);

function judgeMail(value: string, tables: GuardTables): GuardVerdict {
  const at = value.lastIndexOf('@');
  const local = value.slice(0, at).toLowerCase();
  const suffixes = suffixesOf(value.slice(at + 1));
  if (at < 0 || !suffixes) return notCanonical;
  if (local === '' || /^[*%?.]+$/.test(local)) return refusal('mail_domain', 'This is a whole mail domain, not one sender.', mailAction);
  if (tables.own.names.find(suffixes) === true) return ownRefusal;
  if (tables.members.names.find(suffixes) === true || tables.members.exact.has(`email ${value}`)) return memberHold;
  if (roleMailbox.has(local)) {
    return hold(
      'well_known',
      `${local}@ is where people report abuse and get help.`,
      'Report the mailbox that really sent it; two people may release it.',
    );
  }
  return listHold('email', value, tables, suffixes) ?? pass;
}

/** Scheme, host and whether anything stands behind the host. The value is canonical, so the first "://" ends the scheme. */
function splitUrl(value: string): { host: string; bare: boolean } | undefined {
  const start = value.indexOf('://') + 3;
  if (start < 3) return undefined;
  let end = start;
  while (end < value.length && !isUrlDelimiter(value.charCodeAt(end))) end++;
  const authority = value.slice(start, end);
  const afterUser = authority.slice(authority.lastIndexOf('@') + 1);
  const rest = value.slice(end);
  // A fragment never leaves the browser, so a URL with nothing but one is the whole host.
  const bare = rest === '' || rest === '/' || rest.startsWith('#') || rest.startsWith('/#');
  if (afterUser.startsWith('[')) return { host: afterUser.slice(1, afterUser.indexOf(']')), bare };
  const colon = afterUser.indexOf(':');
  return { host: colon < 0 ? afterUser : afterUser.slice(0, colon), bare };
}

function isUrlDelimiter(c: number): boolean {
  return c === 47 || c === 63 || c === 35;
}

function judgeUrl(value: string, tables: GuardTables): GuardVerdict {
  const url = splitUrl(value);
  if (!url) return notCanonical;
  const verdict = judgeAddress(url.host, tables, false) ?? judgeName(url.host, tables, url.bare ? 'domain' : 'url') ?? notCanonical;
  if (verdict.verdict !== 'pass')
    return verdict.verdict === 'hold' ? { ...verdict, message: `The host of the URL: ${verdict.message}` } : verdict;
  if (value.length > searchMaxChars) return hold('warning_list', 'The URL is too long to be searched.', 'Two people may release it.');
  return listHold('url', value, tables) ?? pass;
}

function judgeAsn(value: string, tables: GuardTables): GuardVerdict {
  const number = /^AS(\d{1,10})$/.exec(value)?.[1];
  if (number === undefined) return notCanonical;
  if (reservedAsn(Number(number))) {
    return refusal('asn', 'This number belongs to no autonomous system on the Internet.', 'Correct the number.');
  }
  if (tables.own.exact.has(`asn ${value}`)) return ownRefusal;
  if (tables.members.exact.has(`asn ${value}`)) return memberHold;
  return hold('asn', 'A whole autonomous system holds everything of a provider.', 'Report its addresses; two people may release it.');
}

/** `*`, `.*`, `C:\`, `\\*`, `%s`: nothing but separators, wildcards, a drive or a hive. */
function matchesEverything(value: string): boolean {
  return /^(?:[A-Za-z]:|hkey_[a-z_]{1,24})?[\\/*?.%^$+()[\]|\s]*$/i.test(value);
}

/**
 * Whether other people's content lives under this name: the URL may be blocked, the host may not. For whoever takes hosts out of URLs and
 * has to set `sharedHostUrl`.
 */
export function isSharedHost(host: string, tables: GuardTables): boolean {
  const suffixes = suffixesOf(host);
  if (!suffixes) return false;
  return isPublicSuffix(host) || tables.wellKnown.names.find(suffixes)?.shared === true;
}
