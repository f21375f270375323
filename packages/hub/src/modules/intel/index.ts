export { assessRoutes } from './assess-routes.ts';
export { autoRuleRoutes } from './auto-rule-routes.ts';
export { type CorroborateDeps, corroborate } from './corroborate.ts';
export type { Draft, DraftAttribute, DraftObject, DraftTag, InputFormat } from './draft.ts';
export { intelErrors } from './errors.ts';
export { eventRoutes } from './event-routes.ts';
export { createIntel, type Intel, type IntelDeps, type Readers } from './intel.ts';
export type { ShelfOf } from './lanes.ts';
export { registerIntel } from './projection.ts';
export { createReader } from './reading/reader.ts';
export type { PlacedValue } from './release-store.ts';
export { reportRoutes } from './report-routes.ts';
export { revisionRoutes } from './revision-routes.ts';
export {
  type Acknowledgement,
  type Markings,
  type Reporter,
  type ReporterOf,
  type Submission,
  type SubmitDeps,
  submitDrafts,
} from './submit-drafts.ts';
export { createTaxonomies, type Taxonomies } from './taxonomy.ts';
export { taxonomyRoutes } from './taxonomy-routes.ts';
export { createVkeys, type VkeyOf } from './vkey.ts';
