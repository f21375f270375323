/** A text with its defanging undone, and the way back to the original offsets. */
export type Refanged = {
  readonly text: string;
  /** Offset in the original of a place in `text`. */
  readonly source: (index: number) => number;
  /** Whether anything between the two places of `text` was written defanged. */
  readonly editedBetween: (from: number, to: number) => boolean;
};

type Edit = { readonly at: number; readonly length: number; readonly becomes: string; readonly mark: boolean };

/**
 * Everything people write instead of a dot, a colon, slashes or an @. Every branch starts at a literal, and every repetition is bounded, so
 * the search is linear. Spaces around a bracket belong to it when both neighbours are part of a name (checked below).
 */
const marks =
  /(?<sp1>[ \t]{0,2})(?:(?<dot>[[({<][ \t]?(?:\.|dot|punto)[ \t]?[\])}>])|(?<at>[[({<][ \t]?(?:@|at|arroba)[ \t]?[\])}>])|(?<colon>[[({]:[\])}](?!\/\/))|(?<slashes>[[({]?:[\])}]?[[({]?\/\/[\])}]?)|(?<slash>\[\/\]))(?<sp2>[ \t]{0,2})|(?<half>\[\.|\.\])|(?<backslash>\\\.)|(?<escaped>\\\/)|(?<uncpath>(?<=[tx]ps?):\\\\)|(?<optional>(?<=tp|xp|TP|XP)[[(][sS][\])])|(?<invisible>[\u200b\u2060\ufeff\u00ad])|(?<spoken>[ \t](?:dot|punto)[ \t])/giu;

const nameBefore = /[\p{L}\p{N}_-]$/u;
const nameAfter = /^[\p{L}\p{N}_-]/u;

/** Undoes defanging. Plain text comes back as it is. */
export function refang(text: string): Refanged {
  const edits: Edit[] = [];
  let lastSpokenEnd = -1;
  for (const match of text.matchAll(marks)) {
    const at = match.index;
    const end = at + match[0].length;
    const before = text.slice(Math.max(0, at - 1), at);
    const after = text.slice(end, end + 1);
    const joins = nameBefore.test(before) && nameAfter.test(after);
    const groups = match.groups ?? {};
    const left = groups.sp1?.length ?? 0;
    const right = groups.sp2?.length ?? 0;
    // Without neighbours on both sides the spaces are only spaces: the bracket alone is replaced.
    const inner = (becomes: string): Edit =>
      joins ? { at, length: end - at, becomes, mark: true } : { at: at + left, length: end - at - left - right, becomes, mark: true };
    if (groups.dot !== undefined) {
      if (joins || left + right === 0) edits.push(inner('.'));
    } else if (groups.at !== undefined) {
      if (joins) edits.push(inner('@'));
    } else if (groups.colon !== undefined) {
      if (left + right === 0) edits.push(inner(':'));
    } else if (groups.slashes !== undefined) {
      if (groups.slashes !== '://') edits.push({ at: at + left, length: end - at - left - right, becomes: '://', mark: true });
    } else if (groups.slash !== undefined) {
      if (left + right === 0) edits.push(inner('/'));
    } else if (groups.half !== undefined || groups.backslash !== undefined) {
      if (joins && !(groups.backslash && insidePath(text, at))) edits.push({ at, length: 2, becomes: '.', mark: true });
    } else if (groups.escaped !== undefined) {
      // JSON writes its slashes so: not defanged, only quoted.
      edits.push({ at, length: 2, becomes: '/', mark: false });
    } else if (groups.uncpath !== undefined) {
      edits.push({ at, length: 3, becomes: '://', mark: true });
    } else if (groups.optional !== undefined) {
      if (/^[:[(]/.test(after)) edits.push({ at, length: 3, becomes: 's', mark: true });
    } else if (groups.invisible !== undefined) {
      edits.push({ at, length: 1, becomes: '', mark: joins || after === '.' || before === '.' });
    } else if (joins && spokenWithEvidence(text, at, end, lastSpokenEnd)) {
      edits.push({ at, length: end - at, becomes: '.', mark: true });
      lastSpokenEnd = end;
    }
  }
  return applyEdits(text, edits);
}

/** How far a word is followed when looking for evidence; a name has at most 253 characters, spoken ones are short. */
const wordMaxChars = 80;

/** `\.` inside a Windows path is a folder whose name starts with a dot. */
function insidePath(text: string, at: number): boolean {
  const word = /\S*$/.exec(text.slice(Math.max(0, at - wordMaxChars), at))?.[0] ?? '';
  return word.replaceAll('\\.', '').includes('\\') || word.includes(':');
}

const evidence = /[[({](?:\.|dot|punto|@|at|:)|hxxp|:\/\/|@/i;

/** " dot " is an English word: it is a dot only when the words around it are defanged in another way, or continue such a chain. */
function spokenWithEvidence(text: string, at: number, end: number, lastSpokenEnd: number): boolean {
  const left = /\S*$/.exec(text.slice(Math.max(0, at - wordMaxChars), at))?.[0] ?? '';
  const right = /^\S*/.exec(text.slice(end, end + wordMaxChars))?.[0] ?? '';
  if (!/^[a-z0-9-]{2,}/.test(right)) return false;
  return evidence.test(left) || evidence.test(right) || (lastSpokenEnd >= 0 && lastSpokenEnd === at - left.length);
}

function applyEdits(text: string, edits: readonly Edit[]): Refanged {
  if (edits.length === 0) return { text, source: (index) => index, editedBetween: () => false };
  const pieces: string[] = [];
  // For each edit: where the text after it starts, in the new text and in the original.
  const newStarts = new Int32Array(edits.length);
  const oldStarts = new Int32Array(edits.length);
  const places = new Int32Array(edits.length);
  let done = 0;
  let length = 0;
  let count = 0;
  for (const edit of edits) {
    if (edit.at < done) continue;
    pieces.push(text.slice(done, edit.at), edit.becomes);
    length += edit.at - done;
    places[count] = edit.mark ? length : -1;
    length += edit.becomes.length;
    done = edit.at + edit.length;
    newStarts[count] = length;
    oldStarts[count] = done;
    count++;
  }
  pieces.push(text.slice(done));
  /** Index of the last edit that ends at or before a place, or -1. */
  const editBefore = (index: number): number => {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((newStarts[middle] ?? 0) <= index) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  return {
    text: pieces.join(''),
    source: (index) => {
      const edit = editBefore(index);
      return edit < 0 ? index : (oldStarts[edit] ?? 0) + index - (newStarts[edit] ?? 0);
    },
    editedBetween: (from, to) => {
      for (let edit = editBefore(to); edit >= 0 && (newStarts[edit] ?? 0) >= from; edit--) {
        const place = places[edit] ?? -1;
        if (place >= from && place < to) return true;
      }
      return false;
    },
  };
}
