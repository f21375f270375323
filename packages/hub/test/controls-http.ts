import type { Actor } from '#platform/actor';
import { type Authenticate, createHttp, type Http } from '#platform/http';
import { systemIds } from '#platform/ids';
import { createMetrics } from '#platform/metrics';
import type { ControlsWorld } from './controls-world.ts';

export type Sse = { readonly event: string; readonly data: string; readonly id: string | undefined };

/** A door in front of a controls world. `keyOf` gives a person's actor a credential; controls have their own. */
export async function startDoor(world: ControlsWorld, register: (http: Http, authenticate: Authenticate) => void) {
  const people = new Map<string, Actor>();
  let made = 0;
  const authenticate: Authenticate = async (request) => {
    const [scheme = '', value = ''] = (request.headers.authorization ?? '').split(' ');
    const text = scheme === 'Basic' ? (Buffer.from(value, 'base64').toString().split(':')[1] ?? '') : value;
    return people.get(text) ?? (await world.controls.authenticateAgent(text, { ip: request.ip, requestId: request.id }));
  };
  const anonymous: Actor = { ...world.actorOf(world.addOwner().id), kind: 'system', id: 'anonymous', roles: [], scopes: [] };
  const http = createHttp({
    log: { info: () => {}, warn: () => {}, error: (fields, text) => void world.problems.push(`${text} ${String(fields.err)}`) },
    metrics: createMetrics(),
    clock: world.clock,
    ids: systemIds,
    authenticate,
    anonymous,
    publicUrl: 'http://127.0.0.1',
    checkReplies: true,
  });
  register(http, authenticate);
  const { url } = await http.listen({ host: '127.0.0.1', port: 0 });
  world.onClose(() => http.drain());

  /** Reads server-sent events until `enough` of them have come; `next` waits for more. */
  async function events(path: string, key: string, headers: Record<string, string> = {}) {
    const abort = new AbortController();
    const reply = await fetch(url + path, { headers: { authorization: `Bearer ${key}`, ...headers }, signal: abort.signal });
    const seen: Sse[] = [];
    const state = { ended: false };
    let wake = (): void => {};
    const reading = (async () => {
      let rest = '';
      try {
        for await (const chunk of reply.body ?? []) {
          rest += Buffer.from(chunk).toString();
          for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
            const lines = rest.slice(0, end).split('\n');
            rest = rest.slice(end + 2);
            const field = (name: string): string | undefined => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
            const event = field('event');
            if (event !== undefined) seen.push({ event, data: field('data') ?? '', id: field('id') });
          }
          wake();
        }
      } catch {
        // Cut from one side or the other.
      }
      state.ended = true;
      wake();
    })();
    return {
      status: reply.status,
      seen,
      state,
      /** Waits for a condition on what was seen; a test that waits ten seconds has failed. */
      async until(done: (seen: readonly Sse[]) => boolean): Promise<void> {
        const limit = AbortSignal.timeout(10_000);
        while (!done(seen)) {
          if (limit.aborted)
            throw new Error(`never came; seen: ${seen.map(({ event, data }) => `${event} ${data.slice(0, 80)}`).join(' | ')}`);
          await new Promise<void>((resolve) => {
            wake = resolve;
            limit.addEventListener('abort', () => resolve(), { once: true });
          });
        }
      },
      async close(): Promise<void> {
        abort.abort();
        await reading;
      },
    };
  }

  return {
    url,
    http,
    events,
    keyOf(actor: Actor): string {
      made += 1;
      people.set(`person${made}`, actor);
      return `person${made}`;
    },
    /** The credential belongs to somebody else from now on, or to nobody. */
    rebind(key: string, actor: Actor | undefined): void {
      if (actor === undefined) people.delete(key);
      else people.set(key, actor);
    },
    get: (path: string, key: string, headers: Record<string, string> = {}) =>
      fetch(url + path, { headers: { authorization: `Bearer ${key}`, ...headers } }),
  };
}
