/** Bytes of a base64 text, or what is wrong with it. Line breaks are allowed, anything else outside the alphabet is not. */
export function decodeBase64(value: unknown, maxBytes: number): Buffer | string {
  if (typeof value !== 'string') return 'the content should be text in base64';
  // Two thirds of the characters are bytes at least, even with a line break after every few.
  if (value.length > maxBytes * 2) return `the content is larger than ${maxBytes} bytes`;
  const text = /\s/.test(value) ? value.replace(/\s+/g, '') : value;
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) return 'the content is not base64';
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > maxBytes ? `the content is larger than ${maxBytes} bytes` : bytes;
}
