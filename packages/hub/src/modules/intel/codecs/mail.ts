import type { DraftAttribute, Parsed } from '../draft.ts';
import { storable } from './json.ts';
import { attachmentName } from './misp-parts.ts';
import { readInThread } from './reader.ts';
import { draftOfText, type TextHint } from './text.ts';

/**
 * Reads a message as a report about it: the sender's headers and both bodies are searched, attached files are kept as they are and never opened.
 * Subject and names of files describe the message; nothing acts upon them by itself.
 */
export async function parseMail(bytes: Uint8Array, hint: TextHint = {}): Promise<Parsed> {
  const read = await readInThread('mail', bytes);
  if (!read.ok) return { ok: false, problems: [{ message: read.message }] };
  const { subject, date, text, files, warnings } = read.result;
  if (text.trim() === '' && files.length === 0)
    return { ok: false, problems: [{ message: 'this is no message: it has no sender, subject or text' }] };
  const attachments = files.map((file) => ({ name: storable(attachmentName(file.name)), bytes: Buffer.from(file.bytes), malware: false }));
  const attributes: DraftAttribute[] = [
    ...(subject ? [{ type: 'email-subject', value: storable(subject), toIds: false, tags: [] }] : []),
    ...attachments.map((file) => ({ type: 'email-attachment', value: file.name, toIds: false, tags: [] })),
  ];
  return draftOfText(text, hint, {
    info: storable(subject ?? 'Message without a subject'),
    ...(date !== undefined && { date }),
    attributes,
    attachments,
    warnings: warnings.map((message) => ({ message })),
  });
}
