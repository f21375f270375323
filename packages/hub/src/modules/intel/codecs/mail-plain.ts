import { simpleParser } from 'mailparser';
import { htmlToPlain } from './html-plain.ts';
import {
  attachmentMaxBytes,
  attachmentsMax,
  attachmentsMaxBytes,
  mailHeaderLineMaxChars,
  mailHeaderMaxBytes,
  mailMaxParts,
  mailReceivedMax,
  plainMaxChars,
} from './limits.ts';

/** What a message says, in plain data that crosses a thread boundary. `text` begins with the header lines that matter to an analyst. */
export type PlainMail = {
  readonly subject?: string;
  /** YYYY-MM-DD, from the Date header: the sender's word. */
  readonly date?: string;
  readonly text: string;
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly warnings: readonly string[];
};

/** Headers that tell of the sender's side. Recipients are left out: they are the victims. */
const senderHeaders = ['from', 'sender', 'reply-to', 'return-path', 'x-originating-ip', 'x-sender-ip', 'message-id'];

/** Opens a message. Links and images are not followed. Throws when it cannot be read. */
export async function mailToPlain(bytes: Uint8Array): Promise<PlainMail> {
  const mail = await simpleParser(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipTextLinks: true,
    skipImageLinks: true,
    keepCidLinks: true,
    checksumAlgo: false,
    maxChildNodes: mailMaxParts,
    maxHeadSize: mailHeaderMaxBytes,
  });
  const warnings: string[] = [];
  const head = mail.subject ? [`Subject: ${oneLine(mail.subject)}`] : [];
  let received = 0;
  for (const { key, line } of mail.headerLines) {
    if (senderHeaders.includes(key) || (key === 'received' && received++ < mailReceivedMax)) head.push(oneLine(line));
  }
  const plain = mail.text ?? '';
  const page = typeof mail.html === 'string' ? htmlToPlain(mail.html) : '';
  // Most messages say the same twice; both are read, because what differs is where something hides.
  const body = page.trim() === '' || page.trim() === plain.trim() ? plain : `${plain}\n\n${page}`;
  const files: { name: string; bytes: Uint8Array }[] = [];
  let total = 0;
  for (const file of mail.attachments) {
    const name = file.filename ?? (file.contentType === 'message/rfc822' ? 'message.eml' : 'unnamed');
    total += file.content.length;
    if (files.length >= attachmentsMax || file.content.length > attachmentMaxBytes || total > attachmentsMaxBytes) {
      warnings.push(`the attached file "${oneLine(name).slice(0, 60)}" is too large, or one too many, and was left out`);
      total -= file.content.length;
      if (warnings.length > 20) break;
    } else files.push({ name, bytes: Uint8Array.from(file.content) });
  }
  const date = mail.date && !Number.isNaN(mail.date.getTime()) ? mail.date.toISOString() : undefined;
  return {
    ...(mail.subject && { subject: oneLine(mail.subject) }),
    ...(date && /^\d{4}-/.test(date) && { date: date.slice(0, 10) }),
    text: `${head.join('\n')}\n\n${body}`.slice(0, plainMaxChars),
    files,
    warnings,
  };
}

function oneLine(text: string): string {
  return text.slice(0, mailHeaderLineMaxChars).replace(/\s+/g, ' ').trim();
}
