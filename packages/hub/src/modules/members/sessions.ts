import type { Actor } from '#platform/actor';
import type { Tx } from '#platform/db';
import { systemActor } from './actors.ts';
import { sessionCookieName } from './authenticate.ts';
import { newCredential, readCredential } from './credential.ts';
import type { MembersDeps } from './deps.ts';
import { fail } from './errors.ts';
import { limits } from './limits.ts';
import { plainAddress } from './networks.ts';
import {
  deleteSession,
  deleteSessionsOf,
  findSession,
  insertSession,
  listSessions,
  type SessionMethod,
  type SessionRow,
} from './store/signin.ts';

/** Where a sign-in comes from. `agent` is the browser's own description: text for the owner's eyes. */
export type SignInFrom = { readonly ip: string; readonly agent: string; readonly requestId: string };

/** `token` is the cookie's value. */
export type OpenedSession = { readonly personId: string; readonly sessionId: string; readonly token: string };

const agentMaxChars = 200;

/** Always a new token: what a browser brought along before signing in is worth nothing afterwards. Recorded by the caller's use case. */
export async function openSession(
  deps: MembersDeps,
  tx: Tx,
  personId: string,
  method: SessionMethod,
  from: SignInFrom,
): Promise<OpenedSession> {
  const now = deps.clock.now();
  const credential = newCredential(deps.ids, 'rbs');
  const row: SessionRow = {
    id: credential.id,
    personId,
    method,
    createdAt: now,
    lastSeenAt: now,
    expiresAt: new Date(now.getTime() + limits.sessionMaxMs),
    ip: plainAddress(from.ip),
    agent: from.agent.replaceAll('\u0000', '').slice(0, agentMaxChars),
  };
  await insertSession(tx, row, credential.hash);
  return { personId, sessionId: row.id, token: credential.text };
}

/** For the trail, before anybody is signed in: the hub writes down what somebody at this address did. */
export const visitor = (from: SignInFrom, personId: string | null = null): Actor => ({
  ...systemActor('sign-in'),
  id: personId ?? 'system',
  kind: personId === null ? 'system' : 'person',
  personId,
  from: plainAddress(from.ip),
  requestId: from.requestId,
});

export function sessionCookie(publicUrl: string, token: string): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  return `${sessionCookieName(publicUrl)}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${limits.sessionMaxMs / 1000}${secure}`;
}

export function endedCookie(publicUrl: string): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  return `${sessionCookieName(publicUrl)}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0${secure}`;
}

export type SessionView = {
  readonly id: string;
  readonly method: SessionMethod;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly ip: string;
  readonly agent: string;
  readonly current: boolean;
};

export async function readSessions(deps: MembersDeps, actor: Actor, token: string | undefined): Promise<SessionView[]> {
  if (actor.personId === null) return [];
  const current = token === undefined ? undefined : readCredential(token, 'rbs')?.id;
  const now = deps.clock.now();
  return (await listSessions(deps.db, actor.personId, now))
    .filter((row) => row.lastSeenAt.getTime() + limits.sessionIdleMs > now.getTime())
    .map((row) => ({
      id: row.id,
      method: row.method,
      createdAt: row.createdAt.toISOString(),
      lastSeenAt: row.lastSeenAt.toISOString(),
      ip: row.ip,
      agent: row.agent,
      current: row.id === current,
    }));
}

/** One of the own sessions, this one or another. */
export async function endSession(deps: MembersDeps, actor: Actor, id: string): Promise<void> {
  const { personId } = actor;
  if (personId === null) throw fail('members.session_not_found', `No session ${id}.`);
  await deps.db.transaction(async (tx) => {
    if (!(await deleteSession(tx, personId, id))) throw fail('members.session_not_found', `No session ${id}.`);
    await deps.trail.record(tx, actor, 'members.session_end', id);
    await deps.bus.append(tx, 'members.access_changed', { principalId: personId });
  });
  deps.forget(personId);
  deps.bus.nudge();
}

export async function endAllSessions(deps: MembersDeps, actor: Actor): Promise<void> {
  const { personId } = actor;
  if (personId === null) return;
  await deps.db.transaction(async (tx) => {
    const ended = await deleteSessionsOf(tx, personId);
    await deps.trail.record(tx, actor, 'members.session_end_all', personId, { ended });
    await deps.bus.append(tx, 'members.access_changed', { principalId: personId });
  });
  deps.forget(personId);
  deps.bus.nudge();
}

/** The session of the presented cookie ends. Without one, nothing happens. */
export async function signOut(deps: MembersDeps, actor: Actor, token: string | undefined): Promise<void> {
  const id = token === undefined ? undefined : readCredential(token, 'rbs')?.id;
  if (id !== undefined) await endSession(deps, actor, id);
}

/**
 * Ways to sign in are changed only shortly after signing in: a browser left open, or a stolen cookie, must not become a lasting way in. The
 * cookie belongs to the actor, because it is what the actor was made from.
 */
export async function requireFresh(deps: MembersDeps, actor: Actor, token: string | undefined): Promise<string> {
  const id = token === undefined ? undefined : readCredential(token, 'rbs')?.id;
  const session = id === undefined || actor.kind !== 'person' ? undefined : await findSession(deps.db, id);
  if (!session || session.personId !== actor.personId || deps.clock.now().getTime() - session.createdAt.getTime() > limits.freshMs) {
    throw fail('auth.step_up', 'The sign-in is too long ago for this.');
  }
  return session.personId;
}
