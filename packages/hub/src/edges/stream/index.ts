export type { ControlsPort } from './agents.ts';
export { streamErrors } from './errors.ts';
export { createFanout, type Fanout, type FanoutDeps } from './fanout.ts';
export { type StreamDeps, type Streams, streamRoutes } from './routes.ts';
