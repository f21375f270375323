import type { Parsed } from '../draft.ts';
import { readInThread } from './reader.ts';
import { draftOfText, type TextHint } from './text.ts';

/** Reads the text of a PDF, in a thread of its own. */
export async function parsePdf(bytes: Uint8Array, hint: TextHint = {}): Promise<Parsed> {
  const read = await readInThread('pdf', bytes);
  if (!read.ok) return { ok: false, problems: [{ message: read.message }] };
  const { text, warnings, refused } = read.result;
  if (refused) return { ok: false, problems: [{ message: refused }] };
  return draftOfText(text, hint, { warnings: warnings.map((message) => ({ message })) });
}
