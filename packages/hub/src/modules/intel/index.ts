export type { Draft, DraftAttribute, DraftObject, DraftTag, InputFormat } from './draft.ts';
export { registerIntel, type ShelfOf } from './projection.ts';
export { type Acknowledgement, type Markings, type Reporter, type ReporterOf, type Submission, type SubmitDeps, submitDrafts } from './submit-drafts.ts';
export { vkeyOf } from './vkey.ts';
