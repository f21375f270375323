export { type Asset, assetProblem } from './assets.ts';
export { isSharedHost, judge, judgeBatch } from './judge.ts';
export { assembleTables, builtinTables, type GuardTables } from './tables.ts';
export { blockable, type GuardHold, type GuardInput, type GuardRefusal, type GuardRule, type GuardVerdict } from './verdict.ts';
