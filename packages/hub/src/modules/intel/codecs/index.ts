import type { Own } from '#values';
import type { InputFormat, Parsed } from '../draft.ts';
import { parseCsv } from './csv.ts';
import { detectFormat } from './detect.ts';
import { parseHtml } from './html.ts';
import { csvMaxBytes, htmlMaxBytes, jsonMaxBytes, mailMaxBytes, pdfMaxBytes, textMaxBytes } from './limits.ts';
import { parseMail } from './mail.ts';
import { parseMisp } from './misp.ts';
import { parsePdf } from './pdf.ts';
import { parseStix } from './stix.ts';
import { parseText } from './text.ts';

export { detectFormat } from './detect.ts';
export { notEncryptedZip } from './encrypted-zip.ts';
export { fitValue, guessType } from './guess-type.ts';
export { type MispPart, parseMisp, readMispAttribute, readMispEvents, readMispObject } from './misp.ts';
export { type MispExportOptions, toMisp, toMispAttribute, toMispObject } from './misp-export.ts';
export { attachmentName } from './misp-parts.ts';
export { type Notes, pathTo, takeNotes } from './notes.ts';
export { parseStix, readStix } from './stix.ts';
export { type StixExportOptions, toStix } from './stix-export.ts';
export { parsePattern } from './stix-pattern.ts';
export { patternOfValue, valuesOfPattern } from './stix-values.ts';

/** What is known of an input besides its bytes. `own`: the sender's names, which are no indicators in signatures and mail headers. */
export type InputHint = { readonly format?: InputFormat; readonly fileName?: string; readonly contentType?: string; readonly own?: Own };

/** Largest input of each format, in bytes. */
export const inputMaxBytes: Readonly<Record<InputFormat, number>> = {
  text: textMaxBytes,
  markdown: textMaxBytes,
  csv: csvMaxBytes,
  eml: mailMaxBytes,
  html: htmlMaxBytes,
  misp: jsonMaxBytes,
  stix: jsonMaxBytes,
  pdf: pdfMaxBytes,
};

/** Any input as drafts. Nothing is stored, fetched or executed; one problem refuses the whole. Never throws, whatever the bytes. */
export async function parseInput(bytes: Buffer, hint: InputHint = {}): Promise<Parsed> {
  const { format, sure } = hint.format ? { format: hint.format, sure: true } : detectFormat(bytes, hint);
  const max = inputMaxBytes[format];
  if (bytes.length > max)
    return { ok: false, problems: [{ message: `the file has ${bytes.length} bytes; for ${format} ${max} are the most` }] };
  if (bytes.length === 0) return { ok: false, problems: [{ message: 'the file is empty' }] };
  const parsed = await parseAs(format, bytes, hint);
  if (parsed.ok) return { ...parsed, format };
  // What only looked like a table is a text like any other.
  return format === 'csv' && !sure && bytes.length <= textMaxBytes ? parseInput(bytes, { ...hint, format: 'text' }) : parsed;
}

function parseAs(format: InputFormat, bytes: Buffer, hint: InputHint): Parsed | Promise<Parsed> {
  switch (format) {
    case 'misp':
      return parseMisp(bytes);
    case 'stix':
      return parseStix(bytes);
    case 'csv':
      return parseCsv(bytes, hint);
    case 'eml':
      return parseMail(bytes, hint);
    case 'html':
      return parseHtml(bytes, hint);
    case 'pdf':
      return parsePdf(bytes, hint);
    case 'text':
    case 'markdown':
      return parseText(bytes, hint);
  }
}
