/** The door: everything that comes in over HTTP passes here, and every rule that holds for all routes is applied here, once. */
export { parseJson } from './http/json.ts';
export { openapi } from './http/openapi.ts';
export { httpErrors, type Problem, presentProblem, problemOf, titleOf } from './http/problems.ts';
export { defaultRates, type Rate, type Rates } from './http/rates.ts';
export { Reply, type ReplyOptions } from './http/reply.ts';
export { createHttp, type HttpDeps, type HttpLimits, type HttpServer } from './http/server.ts';
export type * from './http/types.ts';
