import { TextDecoder } from 'node:util';

/**
 * Text of bytes whose encoding nobody told: a byte order mark, then UTF-8, then what Windows writes in Western Europe. Never fails; a BOM is
 * taken off.
 */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

const titleMaxChars = 200;

/** A title from a file name: without path, suffix and invisible characters. */
export function titleOf(fileName: string | undefined): string | undefined {
  if (fileName === undefined) return undefined;
  const base = fileName
    .slice(fileName.search(/[^/\\]*$/))
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, '');
  const title = base
    .replace(/\.[A-Za-z0-9]{1,8}$/, '')
    .trim()
    .slice(0, titleMaxChars);
  return title === '' ? undefined : title.toWellFormed();
}
