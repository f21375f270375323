import { hash } from 'node:crypto';
import { digestModulus } from '@rebato/contract';

/**
 * The sum of entries' shares in the digest of a set (see the contract): SHA-256 over `kind \n value \n id \n until-or-empty`. Words of 32 bits are
 * summed apart, which is exact for two million entries, and carried once at the end.
 */
export function digestSum(): { add(kind: string, value: string, id: string, until: string | null): void; total(): bigint } {
  const words = new Float64Array(8);
  return {
    add(kind, value, id, until) {
      const share = hash('sha256', `${kind}\n${value}\n${id}\n${until ?? ''}`, 'buffer');
      for (let i = 0; i < 8; i += 1) words[i] = (words[i] ?? 0) + share.readUInt32BE(i * 4);
    },
    total: () => Array.from(words).reduce((sum, word) => (sum << 32n) + BigInt(word), 0n),
  };
}

export function addDigest(sum: bigint, delta: bigint): bigint {
  return (((sum + delta) % digestModulus) + digestModulus) % digestModulus;
}

export const printDigest = (sum: bigint): string => sum.toString(16).padStart(64, '0');
export const parseDigest = (text: string): bigint => BigInt(`0x${text}`);
