import assert from 'node:assert/strict';
import { canonicalise } from '#values';

/** Kind and value of what must be accepted. */
export function value(type: string, raw: string): string {
  const read = canonicalise(type, raw);
  assert.ok(read.ok, `${type} ${JSON.stringify(raw)} was refused: ${read.ok ? '' : read.code}`);
  return `${read.kind} ${read.value}`;
}

/** The code of a refusal, or what was accepted instead. */
export function code(type: string, raw: string): string {
  const read = canonicalise(type, raw);
  return read.ok ? `accepted as ${read.kind} ${read.value}` : read.code;
}

/** Each value of the type must be refused with its code. */
export function refuses(type: string, cases: Readonly<Record<string, string>>): void {
  for (const [raw, expected] of Object.entries(cases)) assert.equal(code(type, raw), expected, JSON.stringify(raw));
}

/** Each value of the type must become `kind value`. */
export function accepts(type: string, cases: Readonly<Record<string, string>>): void {
  for (const [raw, expected] of Object.entries(cases)) assert.equal(value(type, raw), expected, JSON.stringify(raw));
}
