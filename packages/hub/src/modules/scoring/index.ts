export { scoringErrors } from './errors.ts';
export { type Audience, createLevels, type Level, type Levels, type Policy, releaseAt, releaseDelays } from './levels.ts';
export { formerReaders, type Reading, readReading, settleReading, startReading } from './reading.ts';
export { scoringRoutes } from './routes.ts';
export { createScoring, type Scoring, type ScoringDeps } from './scoring.ts';
export type { AssignmentRow } from './store.ts';
