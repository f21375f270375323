import type { Envelope } from '@rebato/contract';
import type { SseSink } from '#platform/http';
import type { Keys } from '#platform/keys';
import type { Log } from '#platform/ports';
import type { Fanout } from './fanout.ts';
import { frame } from './frames.ts';
import { limits } from './limits.ts';

/** What streams ask of module decisions. Undefined: the control must not read any more. */
export type ControlsPort = {
  standing(
    controlId: string,
  ): Promise<{ readonly channels: readonly string[]; readonly orderVersion: number; readonly order: Envelope | null } | undefined>;
  onChange(heard: (control: { readonly id: string }) => void): void;
};

export type AgentStreamsDeps = { readonly fanout: Fanout; readonly controls: ControlsPort; readonly keys: Keys; readonly log: Log };

export type AgentStreams = {
  /** Serves one open stream until its sink closes. `after` says what the agent holds of its channels. */
  open(controlId: string, after: ReadonlyMap<string, number>, sink: SseSink): Promise<void>;
  /** Cuts streams whose control lost its right to them, or reads other channels by now. */
  recheck(controlIds?: readonly string[]): Promise<void>;
  start(): void;
  stop(): void;
  readonly size: number;
};

type Open = { readonly sink: SseSink; readonly channels: string; orderVersion: number };

export function createAgentStreams(deps: AgentStreamsDeps): AgentStreams {
  const streams = new Map<string, Open[]>();
  let timer: NodeJS.Timeout | undefined;

  async function recheckOne(controlId: string): Promise<void> {
    const open = (streams.get(controlId) ?? []).filter((stream) => !stream.sink.closed);
    if (open.length === 0) {
      streams.delete(controlId);
      return;
    }
    streams.set(controlId, open);
    const standing = await deps.controls.standing(controlId);
    for (const stream of open) {
      if (standing === undefined) {
        stream.sink.close();
        continue;
      }
      if (standing.order !== null && standing.orderVersion !== stream.orderVersion) {
        stream.orderVersion = standing.orderVersion;
        stream.sink.send(frame('order', standing.order));
      }
      // The agent begins anew with the channels of its new order.
      if (standing.channels.join('\n') !== stream.channels) stream.sink.close();
    }
  }

  async function recheck(controlIds: readonly string[] = [...streams.keys()]): Promise<void> {
    for (const controlId of controlIds) {
      try {
        await recheckOne(controlId);
      } catch (error) {
        // Without an answer streams stay: a database that is away for a moment must not cut every agent.
        deps.log.warn({ err: String(error) }, 'The standing of a control could not be asked for.');
        return;
      }
    }
  }

  return {
    async open(controlId, after, sink) {
      const standing = await deps.controls.standing(controlId);
      if (standing === undefined) return sink.close();
      const open = [...(streams.get(controlId) ?? []).filter((stream) => !stream.sink.closed)];
      open.push({ sink, channels: standing.channels.join('\n'), orderVersion: standing.orderVersion });
      while (open.length > limits.streamsPerControl) open.shift()?.sink.close();
      streams.set(controlId, open);
      sink.send(frame('certificate', deps.keys.certificate()));
      if (standing.order !== null) sink.send(frame('order', standing.order));
      for (const channel of standing.channels) {
        if (sink.closed) return;
        await deps.fanout.follow(channel, after.get(channel) ?? 0, sink);
      }
    },
    recheck,
    start() {
      deps.controls.onChange(({ id }) => {
        if (streams.has(id)) void recheck([id]);
      });
      deps.keys.onChange(() => {
        const bytes = frame('certificate', deps.keys.certificate());
        for (const open of streams.values()) for (const { sink } of open) sink.send(bytes);
      });
      timer = setInterval(() => void recheck(), limits.recheckEveryMs);
      timer.unref();
    },
    stop: () => clearInterval(timer),
    get size() {
      let sum = 0;
      for (const open of streams.values()) sum += open.length;
      return sum;
    },
  };
}
