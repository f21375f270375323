import type { Envelope } from '@rebato/contract';
import { Type } from 'typebox';
import type { Actor } from '#platform/actor';
import type { Pool } from '#platform/db';
import { acceptsGzip } from '#platform/gzip';
import { type AuthRequest, type Http, Reply } from '#platform/http';
import type { Keys } from '#platform/keys';
import type { Clock, Log } from '#platform/ports';
import { type ControlsPort, createAgentStreams } from './agents.ts';
import { createEntryStreams } from './entries.ts';
import { fail } from './errors.ts';
import { type Fanout, usable } from './fanout.ts';
import { envelopeOf, splitChannel } from './frames.ts';
import { limits } from './limits.ts';
import { createSnapshots } from './snapshot.ts';
import { readBatchPage, readLanes } from './store.ts';

export type StreamDeps = {
  readonly fanout: Fanout;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  readonly controls: ControlsPort;
  /** Of `platform.hub`. */
  readonly incarnation: string;
  /** The door's own: asked again every two seconds for each open member stream. */
  readonly authenticate: (request: AuthRequest) => Promise<Actor | undefined>;
};

/** Live streams of a running hub. */
export type Streams = {
  /** Cuts streams that have lost their right now, instead of within two seconds. */
  recheck(): Promise<void>;
  start(): void;
  stop(): void;
};

const afterMax = 64;
const afterPattern = /^([a-z0-9][a-z0-9/:._-]{0,127}):(\d{1,15})$/;
const channelQuery = Type.String({ minLength: 3, maxLength: 128, pattern: '^[a-z0-9][a-z0-9/:._-]*$' });
const envelope = Type.Object({ body: Type.String(), keyId: Type.String(), sig: Type.String() });

/** What agents read, and what members follow. */
export function streamRoutes(http: Http, deps: StreamDeps): Streams {
  const agents = createAgentStreams(deps);
  const entries = createEntryStreams(deps);
  const snapshots = createSnapshots(deps);
  deps.fanout.onShelf((shelf) => {
    entries
      .pump(shelf)
      .catch((error: unknown) =>
        deps.log.warn({ err: String(error), shelf }, 'Entries of a shelf could not be read; the next change tries again.'),
      );
  });

  async function standing(actor: Actor) {
    const found = actor.kind === 'agent' ? await deps.controls.standing(actor.id) : undefined;
    if (found === undefined) throw fail('stream.control_gone', 'Only a control in force reads channels.');
    return found;
  }
  /** A channel that the control may read; every other looks like one that does not exist. */
  async function readable(actor: Actor, channel: string): Promise<void> {
    if (!(await standing(actor)).channels.includes(channel)) throw fail('stream.channel_not_found', 'There is no such channel.');
  }

  http.get('/api/v1/agent/state', {
    summary: "A control's certificate, order and newest heartbeats",
    tag: 'agent',
    scope: 'agent',
    limit: 'read',
    reply: Type.Object({ certificate: envelope, order: envelope, heartbeats: Type.Array(envelope) }),
    fails: ['stream.control_gone', 'stream.unavailable'],
    async handle({ actor }) {
      const { order, channels } = await standing(actor);
      if (order === null) throw fail('stream.unavailable', 'The order of this control is being made.');
      const heartbeats = await deps.fanout.heartbeats(channels);
      return { certificate: deps.keys.certificate(), order, heartbeats };
    },
  });

  http.get('/api/v1/agent/snapshot', {
    summary: 'The whole set of a channel: a signed header and one line per entry',
    tag: 'agent',
    scope: 'agent',
    limit: 'heavy',
    query: Type.Object({ channel: channelQuery }),
    fails: ['stream.channel_not_found', 'stream.control_gone', 'stream.unavailable'],
    async handle({ actor, query, request }) {
      await readable(actor, query.channel);
      const gzip = acceptsGzip(request.headers['accept-encoding']);
      const body = await snapshots.of(query.channel, gzip ? 'gzip' : 'plain');
      return Reply.stream(body, {
        type: 'application/x-ndjson; charset=utf-8',
        headers: { vary: 'accept-encoding', ...(gzip ? { 'content-encoding': 'gzip' } : {}) },
      });
    },
  });

  http.get('/api/v1/agent/batches', {
    summary: 'Batches of a channel after a version',
    tag: 'agent',
    scope: 'agent',
    limit: 'read',
    query: Type.Object({ channel: channelQuery, after: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }) }),
    reply: Type.Object({ batches: Type.Array(envelope), more: Type.Boolean() }),
    fails: ['stream.channel_not_found', 'stream.control_gone', 'stream.batches_gone'],
    async handle({ actor, query }) {
      await readable(actor, query.channel);
      const { shelf, lane } = splitChannel(query.channel);
      const pool = deps.pools.get(shelf);
      if (pool === undefined) throw fail('stream.channel_not_found', 'There is no such channel.');
      const rows = await readBatchPage(pool, lane, query.after, limits.batchPageBytes);
      const newest = (await readLanes(pool, [lane]))[0]?.version ?? 0;
      if (query.after > newest || !usable(deps, rows, query.after) || (rows.length === 0 && query.after < newest)) {
        throw fail('stream.batches_gone', 'The batches after this version are not to be had.');
      }
      const batches: Envelope[] = rows.map(envelopeOf);
      return { batches, more: query.after + rows.length < newest };
    },
  });

  http.get('/api/v1/agent/stream', {
    summary: "Live batches, heartbeats and orders of a control's channels",
    tag: 'agent',
    scope: 'agent',
    limit: 'read',
    query: Type.Object({ after: Type.Optional(Type.Array(Type.String({ maxLength: 150 }), { maxItems: afterMax })) }),
    fails: ['stream.control_gone'],
    async handle({ actor, query }) {
      await standing(actor);
      const after = new Map<string, number>();
      for (const text of query.after ?? []) {
        // Channels that the control does not read are passed over, whether they exist or not.
        const [, channel, version] = afterPattern.exec(text) ?? [];
        if (channel !== undefined) after.set(channel, Number(version));
      }
      return Reply.sse((sink) => {
        agents.open(actor.id, after, sink).catch((error: unknown) => {
          deps.log.warn({ err: String(error) }, 'A stream could not be opened; the agent will come back.');
          sink.close();
        });
      });
    },
  });

  http.get('/api/v1/stream', {
    summary: 'Follow what is released to you: server-sent events, resumed with Last-Event-ID',
    tag: 'stream',
    scope: 'read',
    limit: 'read',
    query: Type.Object({ topics: Type.Optional(Type.String({ maxLength: limits.topicsMaxChars, pattern: '^[a-z_.]+(,[a-z_.]+)*$' })) }),
    async handle({ actor, query, request }) {
      const { id, method, ip, headers, url, cookies } = request;
      const lastEventId = headers['last-event-id'];
      return Reply.sse((sink) => {
        entries
          .open({
            viewer: actor.viewer,
            lastEventId: typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : undefined,
            topics: query.topics === undefined ? undefined : new Set(query.topics.split(',')),
            sink,
            again: () => deps.authenticate({ id, method, ip, headers, url, cookies }),
          })
          .catch((error: unknown) => {
            deps.log.warn({ err: String(error) }, 'A stream could not be opened; the reader will come back.');
            sink.close();
          });
      });
    },
  });

  return {
    async recheck() {
      await agents.recheck();
      await entries.recheck();
    },
    start() {
      deps.fanout.start();
      agents.start();
      entries.start();
    },
    stop() {
      agents.stop();
      entries.stop();
      deps.fanout.stop();
    },
  };
}
