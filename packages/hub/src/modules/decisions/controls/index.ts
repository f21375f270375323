export { type AllowedValue, type Control, type ControlPolicy, channelsOf, type Feed, laneOf, type Owner, type OwnerOf } from './control.ts';
export { type Controls, type ControlsDeps, createControls, type Standing } from './controls.ts';
export { disarmControls } from './disarm.ts';
export { controlErrors } from './errors.ts';
export type { DecisionTimes, Times, TimesAt, Whose } from './ledger.ts';
export { agentWriteRoutes, controlRoutes } from './routes.ts';
export type { Colour, ControlStatus, SilentControl } from './status.ts';
