import type { Actor } from '#platform/actor';
import { viewerOf } from './actors.ts';
import { readCredential, sameHash, secretHash } from './credential.ts';
import type { MembersSetup } from './deps.ts';
import { fail, refuse } from './errors.ts';
import { limits } from './limits.ts';
import { plainAddress, within } from './networks.ts';
import { scopesOf } from './policy.ts';
import { type AccessRow, findKeyAccess, findSessionAccess } from './store/access.ts';

/** What a caller shows. All of it untrusted text. */
export type Presented = {
  /** The header: `Bearer KEY`, `Basic …` with the key as password (or as user name, with an empty password), or a bare key, as MISP clients send it. */
  readonly authorization?: string | undefined;
  /** `X-Api-Key`, as CrowdSec's bouncers send it. */
  readonly apiKey?: string | undefined;
  /** The session cookie's value. Looked at only when no key is shown. */
  readonly cookie?: string | undefined;
  readonly ip: string;
  readonly requestId: string;
  /** For cookies: is this a request that changes something, and does it come from our own pages? */
  readonly crossSite?: boolean | undefined;
};

type Known = {
  readonly actor: Actor;
  readonly principals: readonly string[];
  readonly cidrs: readonly string[];
  readonly goodUntilMs: number;
  readonly expiresAtMs: number;
};

const keyMaxChars = 200;

/** The credential in an Authorization header. Schemes are matched without regard to case; everything else is as sent. */
export function credentialIn(authorization: string): string | undefined {
  const text = authorization.trim();
  const space = text.indexOf(' ');
  if (space === -1) return text === '' ? undefined : text;
  const scheme = text.slice(0, space).toLowerCase();
  const rest = text.slice(space + 1).trim();
  if (scheme === 'bearer') return rest;
  if (scheme !== 'basic' || rest.length > 2 * keyMaxChars) return undefined;
  const pair = Buffer.from(rest, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon === -1) return undefined;
  const password = pair.slice(colon + 1);
  return password === '' ? pair.slice(0, colon) : password;
}

export type Authenticator = {
  authenticate(presented: Presented): Promise<Actor>;
  forget(id: string): void;
  /** Writes "last used" for what was used since the last call. Called once a minute and at the end. Answers how many were written. */
  takeUse(): { readonly keys: Map<string, Date>; readonly sessions: Map<string, Date> };
};

export function createAuthenticator(deps: Pick<MembersSetup, 'db' | 'clock' | 'levelAccess' | 'authenticateAgent'>): Authenticator {
  // Keyed by the hash of the credential: a heap dump or log of the cache opens nothing.
  const known = new Map<string, Known>();
  let generation = 0;
  let keyUse = new Map<string, Date>();
  let sessionUse = new Map<string, Date>();

  function remember(hash: string, entry: Known): void {
    if (known.size >= limits.cacheEntries) {
      const oldest = known.keys().next();
      if (!oldest.done) known.delete(oldest.value);
    }
    known.set(hash, entry);
  }

  /** A cached answer, when it is fresh and was not overtaken by the clock. */
  function recall(hash: string): Known | undefined {
    const entry = known.get(hash);
    if (entry === undefined) return undefined;
    if (deps.clock.monotonicMs() < entry.goodUntilMs && deps.clock.now().getTime() < entry.expiresAtMs) return entry;
    known.delete(hash);
    return undefined;
  }

  async function verify(hash: string, load: () => Promise<Omit<Known, 'goodUntilMs'> | undefined>): Promise<Known> {
    const cached = recall(hash);
    if (cached) return cached;
    const before = generation;
    const askedAt = deps.clock.monotonicMs();
    const loaded = await load();
    if (!loaded) throw refuse();
    const entry = { ...loaded, goodUntilMs: askedAt + limits.cacheMs };
    // Something was revoked while we asked: the answer may be older than that, so it serves this request only.
    if (before === generation) remember(hash, entry);
    return entry;
  }

  async function byKey(text: string, presented: Presented): Promise<Actor> {
    if (text.startsWith('rba_')) {
      const agent = await deps.authenticateAgent?.(text, { ip: plainAddress(presented.ip), requestId: presented.requestId });
      if (!agent) throw refuse();
      return agent;
    }
    const credential = readCredential(text, 'rbt');
    if (!credential) throw refuse();
    const entry = await verify(credential.hash.toString('base64'), async () => {
      const row = await findKeyAccess(deps.db, credential.id);
      const now = deps.clock.now();
      // The hash is compared first and always, so that a wrong secret learns nothing about the key's state.
      const same = sameHash(credential.hash, row?.hash ?? secretHash('no-key', ''));
      if (!row || !same || row.revokedAt !== null || row.expiresAt <= now || !opens(row)) return undefined;
      // A person's key never has more than the person has today.
      const held = row.personId === null ? row.scopes : scopesOf(row.roles ?? []).filter((scope) => row.scopes.includes(scope));
      return {
        actor: await actorOf(row, { kind: 'key', id: credential.id, label: row.label, scopes: held }),
        principals: [credential.id, row.entityId, ...(row.personId === null ? [] : [row.personId])],
        cidrs: row.cidrs,
        expiresAtMs: row.expiresAt.getTime(),
      };
    });
    if (!within(entry.cidrs, presented.ip)) throw refuse();
    keyUse.set(credential.id, deps.clock.now());
    return from(entry.actor, presented);
  }

  async function bySession(text: string, presented: Presented): Promise<Actor> {
    const credential = readCredential(text, 'rbs');
    if (!credential) throw refuse();
    const entry = await verify(credential.hash.toString('base64'), async () => {
      const row = await findSessionAccess(deps.db, credential.id);
      const now = deps.clock.now().getTime();
      const same = sameHash(credential.hash, row?.hash ?? secretHash('no-session', ''));
      if (!row || !same || row.personId === null || !opens(row)) return undefined;
      const seenAt = Math.max(row.lastSeenAt.getTime(), sessionUse.get(credential.id)?.getTime() ?? 0);
      const endsAt = Math.min(row.expiresAt.getTime(), seenAt + limits.sessionIdleMs);
      if (endsAt <= now) return undefined;
      const roles = row.roles ?? [];
      return {
        actor: await actorOf(row, { kind: 'person', id: row.personId, label: row.personName ?? '', scopes: scopesOf(roles) }),
        principals: [credential.id, row.personId, row.entityId],
        cidrs: [],
        expiresAtMs: endsAt,
      };
    });
    // After the check of the session, so that strangers see one text for all of it.
    if (presented.crossSite === true) throw fail('auth.cross_site', 'The request does not come from the portal itself.');
    sessionUse.set(credential.id, deps.clock.now());
    return from(entry.actor, presented);
  }

  async function actorOf(row: AccessRow, who: Pick<Actor, 'kind' | 'id' | 'label' | 'scopes'>): Promise<Actor> {
    const level = await deps.levelAccess(row.level);
    return {
      ...who,
      entityId: row.entityId,
      socId: row.socId,
      roles: row.roles ?? [],
      viewer: viewerOf(row, level),
      personId: row.personId,
      maxTlp: level.maxTlp,
      from: null,
      requestId: null,
    };
  }

  return {
    async authenticate(presented) {
      const shown = presented.apiKey ?? (presented.authorization === undefined ? undefined : credentialIn(presented.authorization));
      if (shown !== undefined || presented.authorization !== undefined) return byKey((shown ?? '').slice(0, keyMaxChars), presented);
      if (presented.cookie !== undefined && presented.cookie !== '') return bySession(presented.cookie.slice(0, keyMaxChars), presented);
      throw fail('auth.required', 'No credential was sent.');
    },
    forget(id) {
      generation += 1;
      for (const [hash, entry] of known) if (entry.principals.includes(id)) known.delete(hash);
    },
    takeUse() {
      const taken = { keys: keyUse, sessions: sessionUse };
      keyUse = new Map();
      sessionUse = new Map();
      return taken;
    },
  };
}

const opens = (row: AccessRow): boolean => row.entitySuspendedAt === null && row.disabledAt === null;

const from = (actor: Actor, presented: Presented): Actor => ({
  ...actor,
  from: plainAddress(presented.ip),
  requestId: presented.requestId,
});

/** Name of the session cookie. `__Host-` binds it to this host, to https and to the whole site; plain http on loopback cannot have it. */
export const sessionCookieName = (publicUrl: string): string => (publicUrl.startsWith('https:') ? '__Host-rebato' : 'rebato');

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a request with a cookie may have been sent by another site's page. Browsers say where a request comes from in `Sec-Fetch-Site` and,
 * for everything but plain GETs, in `Origin`; one of the two has to say "this site". Neither: an old browser or a program, refused alike.
 */
export function isCrossSite(
  request: { method: string; origin?: string | undefined; secFetchSite?: string | undefined },
  publicUrl: string,
): boolean {
  if (safeMethods.has(request.method)) return false;
  if (request.origin !== undefined) return request.origin !== new URL(publicUrl).origin;
  return request.secFetchSite !== 'same-origin';
}
