import type { InputFormat } from '../draft.ts';
import { layoutOf, separatorOf } from './csv-columns.ts';
import { guessType } from './guess-type.ts';
import { decodeText } from './text-bytes.ts';

/** How much of the beginning is looked at. Headers, doctypes and the first rows are within. */
const headBytes = 8_192;
/** Rows that must all be values for a text to be taken for a list. */
const sampleRows = 20;

const bySuffix = new Map<string, InputFormat>([
  ['pdf', 'pdf'],
  ['eml', 'eml'],
  ['html', 'html'],
  ['htm', 'html'],
  ['xhtml', 'html'],
  ['csv', 'csv'],
  ['tsv', 'csv'],
  ['md', 'markdown'],
  ['markdown', 'markdown'],
]);
const byContentType = new Map<string, InputFormat>([
  ['application/pdf', 'pdf'],
  ['message/rfc822', 'eml'],
  ['text/html', 'html'],
  ['application/xhtml+xml', 'html'],
  ['text/csv', 'csv'],
  ['text/tab-separated-values', 'csv'],
  ['text/markdown', 'markdown'],
  ['application/stix+json', 'stix'],
  ['application/taxii+json', 'stix'],
  ['application/vnd.oasis.stix+json', 'stix'],
]);

/** `sure` when a name, type or signature said so; otherwise it is the best guess. */
export type Detected = { readonly format: InputFormat; readonly sure: boolean };

export function detectFormat(bytes: Buffer, hint: { readonly fileName?: string; readonly contentType?: string } = {}): Detected {
  // PDF readers allow junk before the signature; we allow a little.
  if (bytes.subarray(0, 1_024).includes('%PDF-')) return { format: 'pdf', sure: true };
  const suffix = /\.([A-Za-z0-9]{1,8})$/.exec(hint.fileName ?? '')?.[1]?.toLowerCase();
  const named =
    (suffix && bySuffix.get(suffix)) ?? byContentType.get((hint.contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '');
  if (named) return { format: named, sure: true };
  const head = decodeHead(bytes);
  const start = head.trimStart();
  if (suffix === 'json' || start.startsWith('{') || start.startsWith('[{'))
    return { format: jsonFormat(bytes, start), sure: suffix === 'json' || looksLikeJson(start) };
  if (/^(?:<!--|<!doctype html|<html|<head|<body|<\?xml)/i.test(start)) return { format: 'html', sure: true };
  if (looksLikeMail(head)) return { format: 'eml', sure: true };
  return looksLikeTable(start) ? { format: 'csv', sure: false } : { format: 'text', sure: false };
}

/** A head that ends in the middle of a character would otherwise be taken for Windows text. */
function decodeHead(bytes: Buffer): string {
  let end = Math.min(headBytes, bytes.length);
  if (end < bytes.length && bytes[0] !== 0xff && bytes[0] !== 0xfe) while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return decodeText(bytes.subarray(0, end));
}

const looksLikeJson = (start: string): boolean => /^(?:\{\s*["}]|\[\s*[[{\]"])/.test(start);

function jsonFormat(bytes: Buffer, start: string): InputFormat {
  if (/^[[{]\s*\{?\s*"(?:Event|response)"/.test(start)) return 'misp';
  return bytes.includes('"bundle--') || /"spec_version"\s*:/.test(start) || /"type"\s*:\s*"bundle"/.test(start) ? 'stix' : 'misp';
}

const mailHeader =
  /^(?:return-path|received|from|to|subject|date|delivered-to|mime-version|message-id|reply-to|sender|authentication-results|dkim-signature|arc-[a-z-]{1,40}|x-[a-z0-9-]{1,60}|content-[a-z-]{1,40}|list-[a-z-]{1,40}|references|in-reply-to|cc):/i;
const telling = /^(?:received|return-path|message-id|mime-version|delivered-to|dkim-signature|x-[a-z0-9-]{1,60}):/im;

/** A block of header lines at the very start, one of which a person would not type. */
function looksLikeMail(head: string): boolean {
  const block = head.split(/\r?\n\r?\n/, 1)[0] ?? '';
  const lines = block.split(/\r?\n/);
  const headers = lines.filter((line) => mailHeader.test(line));
  return lines.length >= 2 && mailHeader.test(lines[0] ?? '') && headers.length >= 3 && telling.test(block);
}

function looksLikeTable(start: string): boolean {
  const lines = start
    .split(/\r\n|\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const [first] = lines;
  if (first === undefined) return false;
  const separator = separatorOf(first);
  if (separator !== undefined) return layoutOf(first.split(separator).map((cell) => cell.replaceAll('"', ''))).columns.includes('type');
  // The last line may be cut by the end of the sample.
  const sample = lines.slice(0, Math.max(1, Math.min(lines.length - 1, sampleRows)));
  return sample.every((line) => guessType(line) !== undefined);
}
