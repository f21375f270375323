export { listErrors } from './errors.ts';
export type { ListControl } from './lists.ts';
export { type ListRoutesDeps, listRoutes } from './routes.ts';
