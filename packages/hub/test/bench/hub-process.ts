/** The hub under measurement, in a process of its own: its CPU and its memory are its own too. Answers questions of the bench over IPC. */
import { startTestHub } from '../hub.ts';

export type Ask =
  | { readonly what: 'member'; readonly name: string }
  | { readonly what: 'settled' }
  | { readonly what: 'usage' }
  | { readonly what: 'peak' }
  | { readonly what: 'stop' };
export type Usage = { readonly cpuMs: number; readonly rssMb: number };

const begun = performance.now();
const [databaseUrl = '', dataDir = ''] = process.argv.slice(2);
const hub = await startTestHub({
  databaseUrl,
  dataDir,
  connections: 12,
  testing: { checkReplies: false, passwordRounds: 1_000, noJobs: true },
});

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, rssMb: process.memoryUsage().rss / 1e6 };
}

// The largest resident size is what a machine must have; sampled, because a peak of 50 ms needs no memory of its own for long.
let peakMb = 0;
setInterval(() => {
  peakMb = Math.max(peakMb, process.memoryUsage().rss / 1e6);
}, 100).unref();

async function answer(ask: Ask): Promise<unknown> {
  switch (ask.what) {
    case 'member': {
      const { key, entityId } = await hub.member(ask.name);
      // Imports of a million are what the pace of the guard is there to hold, unless somebody has said that they are meant.
      await hub.admin.post('/api/v1/auto-rules', { entityId, accept: true, feed: true });
      return { key, entityId };
    }
    case 'settled':
      return hub.settled();
    case 'usage':
      return usage();
    case 'peak': {
      const peak = Math.max(peakMb, usage().rssMb);
      peakMb = 0;
      return peak;
    }
    case 'stop':
      return hub.stop();
  }
}

process.on('message', (message: { id: number; ask: Ask }) => {
  void answer(message.ask).then(
    (result) => process.send?.({ id: message.id, result }, () => message.ask.what === 'stop' && process.exit(0)),
    (error: unknown) => process.send?.({ id: message.id, error: String(error) }),
  );
});
// The parent is gone: nothing is left running.
process.on('disconnect', () => process.exit(1));
process.send?.({ ready: { url: hub.url, adminKey: hub.adminKey ?? '', readyMs: performance.now() - begun } });
