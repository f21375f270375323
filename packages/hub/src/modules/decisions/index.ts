export * from './controls/index.ts';
export { decisionErrors } from './errors.ts';
export { type DecisionPolicy, defaultPolicy } from './fold.ts';
export { inForce } from './in-force.ts';
export { createPolicies, policyRoutes } from './policy.ts';
export { registerDecisions } from './projection.ts';
export { enforcementOf } from './queries.ts';
export { decisionRoutes, type Enforcement } from './routes.ts';
export { createRulings, type Rulings } from './rule.ts';
