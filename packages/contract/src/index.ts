export * from './markings.ts';
export * from './topics.ts';
export * from './wire.ts';
