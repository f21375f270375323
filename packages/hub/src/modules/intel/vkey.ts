import { hash } from 'node:crypto';
import type { ValueKind } from '@rebato/contract';

/**
 * The key of a value: the first 16 bytes of SHA-256 over `kind \n canonical value`, written as a UUID so that PostgreSQL keeps it in 16 bytes.
 * 128 bits of SHA-256, because members choose the values: with a weaker hash somebody could make two of them collide.
 */
export function vkeyOf(kind: ValueKind, canonical: string): string {
  const hex = hash('sha256', `${kind}\n${canonical}`, 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
