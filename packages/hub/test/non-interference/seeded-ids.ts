import { createHash } from 'node:crypto';
import type { Ids } from '#platform/ids';

/**
 * Ids that follow from a seed, the name of what is being done, and how many were drawn for it. So an action that happens in one world only
 * draws from a sequence of its own, and what both worlds do has the same ids in both.
 */
export type SeededIds = Ids & {
  /** From now on ids belong to this action. */
  begin(action: string): void;
};

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

export function seededIds(seed: number): SeededIds {
  let action = 'start';
  const drawn = new Map<string, number>();
  const next = (kind: string): Buffer => {
    const sequence = `${action} ${kind}`;
    const count = (drawn.get(sequence) ?? 0) + 1;
    drawn.set(sequence, count);
    return createHash('sha256').update(`${seed} ${sequence} ${count}`).digest();
  };
  return {
    begin(name) {
      action = name;
    },
    uuid() {
      const bytes = next('uuid').subarray(0, 16);
      bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
      bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
      const hex = bytes.toString('hex');
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    },
    token(length) {
      let out = '';
      while (out.length < length) for (const byte of next('token')) if (out.length < length) out += alphabet[byte % alphabet.length];
      return out;
    },
  };
}
