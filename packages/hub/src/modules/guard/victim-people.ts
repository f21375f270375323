import type { OwnPerson, OwnReason } from './victims.ts';

/** A stretch of the refanged text. */
export type Place = { readonly from: number; readonly to: number; readonly reason: OwnReason; readonly found: string };

export type PeopleIndex = { find(text: string): Place[] };

/**
 * Finds people by two parts of their name one beside the other, in any order and with small words between them ("Ana de la Torre", "Torre,
 * Ana"), by their mail address, or by the part of it before the @ where that names somebody by itself. One word alone is nobody: half of
 * Spain is called García.
 */
export function peopleIndex(people: readonly OwnPerson[]): PeopleIndex {
  const pairs = new Map<string, string>();
  const mails = new Map<string, string>();
  const locals = new Map<string, { readonly words: readonly string[]; readonly mail: string }[]>();
  for (const { name, mails: addresses } of people) {
    const parts = wordsOf(name).map(({ word }) => word);
    const telling = parts.filter((word) => word.length >= 2 && !particles.has(word));
    for (const [at, one] of telling.entries()) for (const other of telling.slice(at + 1)) pairs.set(pairOf(one, other), name);
    for (const address of addresses) {
      const mail = fold(address);
      mails.set(mail, mail);
      const words = wordsOf(mail.slice(0, Math.max(0, mail.lastIndexOf('@')))).map(({ word }) => word);
      const first = words[0];
      if (first === undefined || !namesSomebody(words, telling)) continue;
      const known = locals.get(first);
      if (known === undefined) locals.set(first, [{ words, mail }]);
      else known.push({ words, mail });
    }
  }
  return {
    find(text) {
      const words = wordsOf(text);
      return [...namesIn(words, pairs), ...localsIn(text, words, locals), ...mailsIn(text, mails)];
    },
  };
}

/** Words between the parts of a name; never a part that tells anybody. */
const particles = new Set([
  'de',
  'del',
  'la',
  'las',
  'los',
  'el',
  'y',
  'e',
  'i',
  'da',
  'das',
  'do',
  'dos',
  'van',
  'von',
  'der',
  'den',
  'di',
]);
/** "de las", "van der": more are not between two parts of one name. */
const particlesMax = 2;
/** ", " and line breaks with an indent; what is further apart is another clause. */
const gapMaxChars = 4;

/** `lucia.ortega`, `lortega` and `u123456` are somebody; `ortega`, `info` and `soporte` are not. */
function namesSomebody(words: readonly string[], parts: readonly string[]): boolean {
  const long = parts.filter((part) => part.length >= 3);
  const [only = ''] = words;
  if (words.length > 1) return words.some((word) => long.includes(word));
  if (/\d/.test(only) && only.length >= 5) return true;
  return !parts.includes(only) && long.some((part) => only.startsWith(part) || only.endsWith(part));
}

const pairOf = (one: string, other: string): string => (one < other ? `${one} ${other}` : `${other} ${one}`);

type Word = { readonly word: string; readonly from: number; readonly to: number };

/** Words of letters; dots, underscores and hyphens separate, so that `ana.garcia` and `Ana_García.docx` hold the name too. */
function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const match of text.matchAll(/[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu))
    words.push({ word: fold(match[0]), from: match.index, to: match.index + match[0].length });
  return words;
}

function* namesIn(words: readonly Word[], pairs: ReadonlyMap<string, string>): Generator<Place> {
  for (let at = 0; at < words.length; ) {
    let last = at;
    let found: string | undefined;
    for (;;) {
      const next = nextPart(words, last);
      const name = next === undefined ? undefined : pairs.get(pairOf(words[last]?.word ?? '', words[next]?.word ?? ''));
      if (next === undefined || name === undefined) break;
      found ??= name;
      last = next;
    }
    if (found !== undefined) yield { from: words[at]?.from ?? 0, to: words[last]?.to ?? 0, reason: 'person_name', found };
    at = last + 1;
  }
}

/** The next word that could be a part of the same name. */
function nextPart(words: readonly Word[], from: number): number | undefined {
  for (let next = from + 1; next <= from + 1 + particlesMax && next < words.length; next += 1) {
    if ((words[next]?.from ?? 0) - (words[next - 1]?.to ?? 0) > gapMaxChars) return undefined;
    if (!particles.has(words[next]?.word ?? '')) return next;
  }
  return undefined;
}

function* localsIn(
  text: string,
  words: readonly Word[],
  locals: ReadonlyMap<string, readonly { readonly words: readonly string[]; readonly mail: string }[]>,
): Generator<Place> {
  for (const [at, { word, from }] of words.entries()) {
    for (const local of locals.get(word) ?? []) {
      const run = words.slice(at, at + local.words.length);
      const last = run.at(-1);
      if (last === undefined || run.length < local.words.length || !local.words.every((each, i) => run[i]?.word === each)) continue;
      // One mark between them, as in the address: "l ortega" is a person's spelling of something else.
      if (run.some((each, i) => i > 0 && !/^[._+-]$/.test(text.slice(run[i - 1]?.to ?? 0, each.from)))) continue;
      yield { from, to: last.to, reason: 'person_mail', found: local.mail };
    }
  }
}

/** Longest part of a mail address on one side of its @ (RFC 5321 allows 64 and 255). */
const mailSideMaxChars = 255;

function* mailsIn(text: string, mails: ReadonlyMap<string, string>): Generator<Place> {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let from = at;
    while (from > 0 && at - from < mailSideMaxChars && /[\p{L}\p{M}\p{N}._+'-]/u.test(text[from - 1] ?? '')) from--;
    let to = at + 1;
    while (to < text.length && to - at < mailSideMaxChars && /[\p{L}\p{M}\p{N}.-]/u.test(text[to] ?? '')) to++;
    while (to > at + 1 && /[.-]/.test(text[to - 1] ?? '')) to--;
    const mail = fold(text.slice(from, to));
    // ana+shop@… is Ana's as well.
    const found = mails.get(mail) ?? mails.get(mail.replace(/\+[^@]*@/, '@'));
    if (found !== undefined) yield { from, to, reason: 'person_mail', found };
  }
}

/** Lower case without accents and width: people write names every way. */
function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase();
}
