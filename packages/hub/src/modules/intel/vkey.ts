import { hash } from 'node:crypto';
import type { ValueKind } from '@rebato/contract';

/** The key of a value, and the id of its decision: see `createVkeys`. */
export type VkeyOf = (kind: ValueKind, canonical: string) => string;

/**
 * Makes the keys of values: 122 bits of SHA-256 over the hub's own secret, kind and canonical value, in the form of a random UUID. It follows from
 * the value, so every process and every audience comes to the same one without asking; it is keyed, so nobody outside can compute it, tell a
 * value by it, or search for two values with one key, although members choose the values.
 */
export function createVkeys(secret: string): VkeyOf {
  return (kind, canonical) => {
    const hex = hash('sha256', `${secret}\n${kind}\n${canonical}`, 'hex');
    const variant = '89ab'[hex.charCodeAt(16) & 3];
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  };
}
