/** Who did what, when, from where: append-only, hash-chained, check-pointed, verifiable offline. */
export { canonicalJson } from './trail/canonical-json.ts';
export type { TrailEntry } from './trail/chain.ts';
export { type Checkpoint, checkpointPrefix, type TrailKeys, type TrailSigner } from './trail/checkpoint.ts';
export { createTrail, type TrailDeps, type TrailLog } from './trail/create.ts';
export { detailMaxBytes, record } from './trail/record.ts';
export { trailRoutes } from './trail/routes.ts';
export type { TrailFilter } from './trail/store.ts';
export type { TrailReport, Witness } from './trail/verifier.ts';
export { verifyExport } from './trail/verify-export.ts';
