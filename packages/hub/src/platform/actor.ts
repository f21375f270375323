import type { Role, Tlp } from '@rebato/contract';

/** What a reader may see: one shelf, and on it the lanes that it belongs to. Made only by `members`, never by a handler. */
export type Viewer = {
  readonly entityId: string;
  /** Name of the shelf (audience) whose database login serves this reader. */
  readonly shelf: string;
  /** Lanes within the shelf: `c` (community), `e:<entity uuid>`, `g:<sharing group uuid>`. */
  readonly lanes: readonly string[];
};

/** Rights of an API key or session. A route names exactly one. */
export const scopes = [
  'read', // what has been released to the reader
  'report', // submit, comment, sight
  'assess', // the queue
  'rule', // retract, consolidate, halt
  'control', // own controls, lists, lifting at home
  'agent', // the control's own credential
  'members', // entities, people, keys, levels
  'admin', // settings, imports, trail
  'self', // own profile, sessions, passkeys, keys
] as const;
export type Scope = (typeof scopes)[number];

/** Who acts. Comes right after the dependencies in every use case. `system` is the hub itself. */
export type Actor = {
  readonly kind: 'person' | 'key' | 'agent' | 'system';
  /** Id of the person, key or control. */
  readonly id: string;
  readonly label: string;
  readonly entityId: string;
  readonly socId: string | null;
  readonly roles: readonly Role[];
  readonly scopes: readonly Scope[];
  readonly viewer: Viewer;
  /** For a person behind a session or a personal key: who that is, for two-person rules. A machine's key has none. */
  readonly personId: string | null;
  /** Narrowest TLP this reader is ever given outside its own items. */
  readonly maxTlp: Tlp;
  /** Remote address and request id, for the trail. */
  readonly from: string | null;
  readonly requestId: string | null;
};
