import type { Parsed } from '../draft.ts';
import { readInThread } from './reader.ts';
import { draftOfText, type TextHint } from './text.ts';

/** Reads the text of a page, in a thread of its own. */
export async function parseHtml(bytes: Uint8Array, hint: TextHint = {}): Promise<Parsed> {
  const read = await readInThread('html', bytes);
  return read.ok ? draftOfText(read.result, hint) : { ok: false, problems: [{ message: read.message }] };
}
