import { domainToASCII } from 'node:url';
import { limits } from './limits.ts';

// One quantifier per class and no overlap around "@": linear on hostile input.
const shape = /^([^\s@<>()[\]\\,;:"]{1,64})@([^\s@<>()[\]\\,;:"]{1,190})$/u;

/**
 * The one spelling of a mail address that is stored and compared: NFKC, lower case, domain in ASCII, no display name. Undefined when it is
 * not an address. Dots and +tags stay: only the domain's owner knows whether they matter.
 */
export function canonicalMail(raw: string): string | undefined {
  if (raw.length > limits.mailMaxChars) return undefined;
  const match = shape.exec(raw.normalize('NFKC').trim().toLowerCase());
  const local = match?.[1];
  const domain = domainToASCII(match?.[2] ?? '').replace(/\.$/, '');
  if (local === undefined || domain === '' || !domain.includes('.') || domain.startsWith('.')) return undefined;
  const mail = `${local}@${domain}`;
  return mail.length > limits.mailMaxChars ? undefined : mail;
}

export const mailDomain = (mail: string): string => mail.slice(mail.lastIndexOf('@') + 1);
