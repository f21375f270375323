import { setTimeout as sleep } from 'node:timers/promises';
import type { Alarms } from '../alarms.ts';
import type { Intake, Taken } from '../intake.ts';
import { limits, type Timing } from '../limits.ts';
import { type Log, reasonOf } from '../log.ts';
import { backoffMs } from './backoff.ts';
import { type HubClient, HubReplyError } from './client.ts';
import { type SseEvent, SseReader } from './sse.ts';

export type FollowDeps = {
  readonly client: HubClient;
  readonly intake: Intake;
  readonly alarms: Alarms;
  readonly log: Log;
  readonly timing: Timing;
  random(): number;
  /** The connection came up, or went. */
  connected(up: boolean): void;
  /** The state agrees with the hub's newest heartbeats. */
  caughtUp(): void;
};

/** A session that was useful for this long resets the waiting time. */
const goodSessionMs = 10_000;
/** Events in one read of the socket; a chunk of 64 kB holds far fewer. */
const eventsAtOnceMax = 4_096;

/** Follows the hub until `signal` says stop: bring everything up to date, then listen, then begin again. */
export async function follow(deps: FollowDeps, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const startedMs = performance.now();
    try {
      await session(deps, signal);
      deps.log('debug', 'the stream has ended');
    } catch (error) {
      if (signal.aborted) break;
      deps.log('info', 'the hub cannot be followed', { reason: reasonOf(error) });
      if (error instanceof HubReplyError && (error.status === 401 || error.status === 403)) {
        deps.alarms.raise('not_authorised', 'hub', 'the hub does not accept the key of this control');
      }
    }
    deps.connected(false);
    failures = performance.now() - startedMs > goodSessionMs ? 0 : failures + 1;
    const waitMs = backoffMs(failures, deps.timing.backoffFirstMs, deps.timing.backoffMaxMs, deps.random);
    await sleep(waitMs, undefined, { signal }).catch(() => {});
  }
}

async function session(deps: FollowDeps, signal: AbortSignal): Promise<void> {
  const { client, intake } = deps;
  const reply = await client.json('GET', '/api/v1/agent/state');
  if (reply.status !== 200) throw new HubReplyError(reply.status, `the hub answered ${reply.status} to the question for its state`);
  const state = reply.body as { certificate?: unknown; order?: unknown; heartbeats?: unknown } | undefined;
  intake.takeCertificate(state?.certificate);
  intake.takeOrder(state?.order);
  const heartbeats = Array.isArray(state?.heartbeats) ? state.heartbeats.slice(0, limits.channels) : [];
  const wanting = new Map<string, Taken>();
  for (const one of heartbeats) {
    const { taken, channel } = intake.takeHeartbeat(one);
    if (channel !== undefined) wanting.set(channel, taken);
  }
  for (const channel of intake.order?.channels ?? []) {
    const taken = wanting.get(channel);
    if (!intake.channels.has(channel) || taken === 'lost') await fetchSnapshot(deps, channel, signal);
    else if (taken === 'behind') await catchUp(deps, channel, signal);
  }
  deps.alarms.clear('not_authorised', 'hub');
  if (intake.complete) deps.caughtUp();
  await listen(deps, signal);
}

/** Fetches the batches after what is held; where that does not lead to the end, a snapshot. */
async function catchUp(deps: FollowDeps, channel: string, signal: AbortSignal): Promise<void> {
  for (let page = 0; page < limits.catchUpPages && !signal.aborted; page++) {
    const head = deps.intake.channels.get(channel)?.head;
    if (!head) break;
    const reply = await deps.client.json('GET', `/api/v1/agent/batches?channel=${encodeURIComponent(channel)}&after=${head.version}`);
    if (reply.status === 410) break;
    if (reply.status !== 200) throw new HubReplyError(reply.status, `the hub answered ${reply.status} to the question for batches`);
    const { batches, more } = (reply.body ?? {}) as { batches?: unknown; more?: unknown };
    if (!Array.isArray(batches)) throw new HubReplyError(200, 'a page of batches has another form');
    let good = true;
    for (const one of batches) {
      const { taken } = deps.intake.takeBatch(one);
      good = taken === 'taken' || taken === 'repeated';
      if (!good) break;
    }
    if (!good) break;
    if (more !== true) return;
    // A page that says there is more and brings nothing would be asked for again for ever.
    if (deps.intake.channels.get(channel)?.head.version === head.version) break;
  }
  await fetchSnapshot(deps, channel, signal);
}

async function fetchSnapshot(deps: FollowDeps, channel: string, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(deps.timing.snapshotMs)]);
  const reply = await deps.client.open(`/api/v1/agent/snapshot?channel=${encodeURIComponent(channel)}`, {
    accept: 'application/x-ndjson',
    gzip: true,
    silentMs: deps.timing.requestMs,
    signal: limit,
  });
  try {
    if (reply.status !== 200) throw new HubReplyError(reply.status, `the hub answered ${reply.status} to the question for a snapshot`);
    const taken = await deps.intake.takeSnapshot(channel, reply.body);
    if (taken === 'refused') throw new HubReplyError(200, `the snapshot of ${channel} was refused`);
  } finally {
    reply.close();
  }
}

async function listen(deps: FollowDeps, signal: AbortSignal): Promise<void> {
  const { intake, timing } = deps;
  const after = [...intake.channels.values()].map(({ head }) => `after=${encodeURIComponent(`${head.channel}:${head.version}`)}`);
  const channelsAtStart = intake.order?.channels.join(' ');
  const reply = await deps.client.open(`/api/v1/agent/stream?${after.join('&')}`, {
    accept: 'text/event-stream',
    gzip: false,
    // Longer than the freeze alarm takes, which is told by a stream that is open and silent.
    silentMs: Math.max(timing.heartbeatMs * 6, timing.requestMs),
    signal,
  });
  try {
    if (reply.status !== 200) throw new HubReplyError(reply.status, `the hub answered ${reply.status} to the question for the stream`);
    deps.connected(true);
    const waiting: SseEvent[] = [];
    const reader = new SseReader(limits, (event) => waiting.push(event));
    reply.body.setEncoding('utf8');
    for await (const text of reply.body as AsyncIterable<string>) {
      const good = reader.push(text);
      if (!good || waiting.length > eventsAtOnceMax) throw new HubReplyError(200, 'the stream sends more at once than it may');
      // Reading goes on only when all of these have been dealt with, so a hub that is faster than the agent waits in its socket.
      for (const event of waiting.splice(0)) await takeEvent(deps, event, signal);
      if (intake.order?.channels.join(' ') !== channelsAtStart) return;
    }
  } finally {
    reply.close();
  }
}

async function takeEvent(deps: FollowDeps, { event, data }: SseEvent, signal: AbortSignal): Promise<void> {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    deps.alarms.raise('malformed', 'hub', `an event ${event.slice(0, 30)} that is not JSON`);
    return;
  }
  const { intake } = deps;
  if (event === 'certificate') {
    // A new epoch begins with snapshots, and those with a new session.
    if (intake.takeCertificate(json) === 'lost') throw new HubReplyError(200, 'the root has begun a new epoch');
  } else if (event === 'order') {
    intake.takeOrder(json);
  } else if (event === 'batch' || event === 'heartbeat') {
    const { taken, channel } = event === 'batch' ? intake.takeBatch(json) : intake.takeHeartbeat(json);
    if (channel === undefined) return;
    if (taken === 'behind') await catchUp(deps, channel, signal);
    else if (taken === 'lost') await fetchSnapshot(deps, channel, signal);
    if (intake.complete) deps.caughtUp();
  } else if (event === 'resync') {
    const channel = (json as { channel?: unknown } | null)?.channel;
    if (typeof channel === 'string' && intake.order?.channels.includes(channel)) await fetchSnapshot(deps, channel, signal);
  }
}
