import { randomBytes, randomUUID } from 'node:crypto';

/** Random ids. Public identifiers tell neither time nor volume, so UUIDv4 and nothing ordered. */
export type Ids = { uuid(): string /** lower-case letters and digits, `length` of them */; token(length: number): string };

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

export const systemIds: Ids = {
  uuid: () => randomUUID(),
  token(length) {
    let out = '';
    // 252 is the largest multiple of 36 below 256: bytes above it are thrown away, so every character is equally likely.
    while (out.length < length)
      for (const byte of randomBytes(length * 2)) if (byte < 252 && out.length < length) out += alphabet[byte % 36];
    return out;
  },
};
