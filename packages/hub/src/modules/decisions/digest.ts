import { hash } from 'node:crypto';
import { digestModulus } from '@rebato/contract';

/** One entry's share in the digest of a set (see the contract): SHA-256 over `kind \n value \n id \n until-or-empty`. */
export function entryDigest(kind: string, value: string, id: string, until: string | null): bigint {
  return BigInt(`0x${hash('sha256', `${kind}\n${value}\n${id}\n${until ?? ''}`, 'hex')}`);
}

export function addDigest(sum: bigint, delta: bigint): bigint {
  return (((sum + delta) % digestModulus) + digestModulus) % digestModulus;
}

export const printDigest = (sum: bigint): string => sum.toString(16).padStart(64, '0');
export const parseDigest = (text: string): bigint => BigInt(`0x${text}`);
