/** Who did what, when, from where: append-only, hash-chained, check-pointed, verifiable offline. */
export { canonicalJson } from './trail/canonical-json.ts';
export { detailMaxBytes, record } from './trail/record.ts';
