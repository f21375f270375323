import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type AgentStatus, startAgent } from './agent.ts';
import { machineClock } from './clock.ts';
import { ConfigError, createTarget, type FileConfig, readConfig } from './config.ts';
import type { LoadedEntry, Target } from './enforce/target.ts';
import { EnrolError, enrol } from './enrol.ts';
import { readSurroundings } from './guard/machine.ts';
import { becomeLean } from './lean.ts';
import { reasonOf, stderrLog } from './log.ts';
import { openDiskStore, StateInUseError } from './state/disk-store.ts';
import { loadIdentity, saveIdentity } from './state/identity.ts';
import { lockHolder, takeLock } from './state/lock.ts';
import { verifyFile } from './verify.ts';
import { agentVersion } from './version.ts';

/** Exit codes are public: scripts and service managers act on them. */
const exit = { fine: 0, failed: 1, usage: 2, config: 3, notEnrolled: 4, refused: 5, inUse: 6, notRunning: 7 } as const;

class Stop extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const usage = `rebato-agent: applies the network's decisions to a control of your own

  rebato-agent enrol --hub URL --token TOKEN [--root FINGERPRINT] [--name NAME] [--plain-http]
  rebato-agent run
  rebato-agent status [--json]
  rebato-agent off | on
  rebato-agent verify FILE

  --state DIR     state folder (default: /var/lib/rebato-agent for root, else ~/.local/state/rebato-agent)
  --config FILE   configuration (default: config.json in the state folder)
`;

const options = {
  hub: { type: 'string' },
  token: { type: 'string' },
  root: { type: 'string' },
  name: { type: 'string' },
  state: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
  'plain-http': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Flags = { readonly [name in keyof typeof options]?: (typeof options)[name]['type'] extends 'boolean' ? boolean : string };
type Place = { readonly flags: Flags; readonly rest: readonly string[]; readonly state: string; config(): FileConfig };

/** The switch is effective within this time, or the command says that it is not. */
const switchWaitMs = 5_000;

const commands: Record<string, (place: Place) => Promise<number>> = {
  async enrol({ flags, state, config }) {
    if (flags.hub === undefined || flags.token === undefined) throw new Stop(exit.usage, 'enrol needs --hub and --token');
    if (loadIdentity(state)) throw new Stop(exit.refused, `${state} is enrolled already; use another --state, or remove that folder`);
    const file = config();
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const identity = await enrol({
      hubUrl: flags.hub,
      token: flags.token,
      target: file.target.type,
      agentVersion: agentVersion(),
      plainHttp: flags['plain-http'] ?? false,
      ...(flags.root === undefined ? {} : { root: flags.root }),
      ...(flags.name === undefined ? {} : { name: flags.name }),
      ...caOf(file),
    });
    await saveIdentity(state, identity);
    print(
      flags,
      { control: identity.control, name: identity.name, hub: identity.hubUrl },
      `enrolled as ${identity.name} (${identity.control})`,
    );
    return exit.fine;
  },

  async run({ state, config }) {
    const identity = loadIdentity(state);
    if (!identity) throw new Stop(exit.notEnrolled, `${state} is not enrolled; run: rebato-agent enrol --hub URL --token TOKEN`);
    const file = config();
    becomeLean(state);
    const log = stderrLog(file.log);
    const agent = await startAgent(
      { identity, neverBlock: file.neverBlock, widestV4: file.widestV4, widestV6: file.widestV6, timing: file.timing, ...caOf(file) },
      {
        target: createTarget(file.target, machineClock.wallMs),
        store: await openDiskStore(state, machineClock),
        log,
        surroundings: () => readSurroundings(identity.hubUrl, file.target.type === 'nftables' ? file.target.netns : undefined),
      },
    );
    // Otherwise the cache is written at the end only, which a machine that loses its power never reaches.
    flushCompileCache();
    log('info', 'started', { control: identity.control, hub: identity.hubUrl, target: agent.status().target });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void agent.stop());
    await agent.ended;
    log('info', 'stopped');
    return exit.fine;
  },

  async status({ flags, state }) {
    if (!loadIdentity(state)) throw new Stop(exit.notEnrolled, `${state} is not enrolled`);
    const running = lockHolder(state, machineClock) !== undefined;
    const status = readStatus(state);
    const off = existsSync(join(state, 'off'));
    print(flags, { running, off, ...status }, describe(running, off, status));
    return running ? exit.fine : exit.notRunning;
  },

  async off({ flags, state, config }) {
    mkdirSync(state, { recursive: true, mode: 0o700 });
    writeFileSync(join(state, 'off'), `${new Date().toISOString()}\n`, { mode: 0o600 });
    if (lockHolder(state, machineClock)) {
      const done = await waitForStatus(state, (status) => status.off && status.loaded.count === 0);
      if (!done) throw new Stop(exit.failed, 'switched off, but the agent has not confirmed that the control is empty');
    } else await emptyTarget(state, createTarget(config().target, machineClock.wallMs));
    print(flags, { off: true }, 'off: nothing of the network is enforced here until "rebato-agent on"');
    return exit.fine;
  },

  async on({ flags, state }) {
    rmSync(join(state, 'off'), { force: true });
    const running = lockHolder(state, machineClock) !== undefined;
    if (running && !(await waitForStatus(state, (status) => !status.off)))
      throw new Stop(exit.failed, 'switched on, but the agent has not confirmed it');
    print(flags, { off: false, running }, running ? 'on' : 'on, from the next start of the agent');
    return exit.fine;
  },

  async verify({ flags, state, rest }) {
    const [file] = rest;
    if (file === undefined) throw new Stop(exit.usage, 'verify needs a file');
    if (!loadIdentity(state)) throw new Stop(exit.notEnrolled, `${state} is not enrolled, so there is no key to verify with`);
    const verdict = await verifyFile(state, file, undefined);
    if (!verdict.ok) {
      print(flags, verdict, `refused: ${verdict.code}: ${verdict.detail}`);
      return exit.refused;
    }
    print(flags, { ok: true, what: verdict.value }, `good: ${verdict.value}`);
    return exit.fine;
  },
};

/** The switch must work when the agent does not: then this process empties the control itself. */
async function emptyTarget(state: string, target: Target): Promise<void> {
  const lock = takeLock(state, machineClock);
  if ('pid' in lock) throw new Stop(exit.inUse, 'an agent is just starting; try again');
  try {
    await target.open();
    const remove: LoadedEntry[] = [];
    for await (const entries of target.readBack()) remove.push(...entries);
    await target.apply({ add: [], remove, all: () => [], count: 0, emptyIsIntended: true });
    for await (const entries of target.readBack())
      if (entries.length > 0) throw new Stop(exit.failed, `${entries.length} entries are still there`);
  } finally {
    lock.release();
    await target.close();
  }
}

function readStatus(state: string): AgentStatus | undefined {
  try {
    return JSON.parse(readFileSync(join(state, 'status.json'), 'utf8')) as AgentStatus;
  } catch {
    return undefined;
  }
}

async function waitForStatus(state: string, good: (status: AgentStatus) => boolean): Promise<boolean> {
  const since = new Date().toISOString();
  for (let waited = 0; waited < switchWaitMs; waited += 100) {
    const status = readStatus(state);
    if (status && status.at >= since && good(status)) return true;
    await sleep(100);
  }
  return false;
}

function describe(running: boolean, off: boolean, status: AgentStatus | undefined): string {
  const lines = [running ? 'running' : 'not running', ...(off ? ['switched off locally'] : [])];
  if (status) {
    lines.push(`${status.name} (${status.control}), target ${status.target}`);
    lines.push(`hub ${status.hub}: ${running && status.connected ? 'connected' : 'not connected'}, as of ${status.at}`);
    lines.push(
      `in force ${status.loaded.count} of ${status.wanted.count} entries, ${status.driftRepaired} repaired, ${status.receiptsWaiting} receipts waiting`,
    );
    for (const [channel, version] of Object.entries(status.versions)) lines.push(`channel ${channel} at version ${version}`);
    for (const alarm of status.alarms) lines.push(`ALARM ${alarm.code}: ${alarm.detail} (${alarm.at})`);
  }
  return lines.join('\n');
}

function caOf(file: FileConfig): { ca?: string } {
  if (file.caFile === undefined) return {};
  try {
    return { ca: readFileSync(file.caFile, 'utf8') };
  } catch {
    throw new ConfigError('caFile', 'cannot be read');
  }
}

function print(flags: Flags, json: unknown, plain: string): void {
  process.stdout.write(`${flags.json === true ? JSON.stringify(json) : plain}\n`);
}

function defaultState(): string {
  return process.getuid?.() === 0
    ? '/var/lib/rebato-agent'
    : join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'rebato-agent');
}

async function main(args: readonly string[]): Promise<number> {
  let parsed: { values: Flags; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new Stop(exit.usage, reasonOf(error));
  }
  const { values: flags, positionals } = parsed;
  const [name, ...rest] = positionals;
  if (flags.help === true) {
    process.stdout.write(usage);
    return exit.fine;
  }
  const command = name === undefined || !Object.hasOwn(commands, name) ? undefined : commands[name];
  if (!command) throw new Stop(exit.usage, `${name === undefined ? 'no command given' : `unknown command ${name}`}\n\n${usage}`);
  const state = flags.state ?? defaultState();
  const configPath = flags.config ?? join(state, 'config.json');
  return command({ flags, rest, state, config: () => readConfig(configPath, flags.config !== undefined, join(state, 'blocklist.txt')) });
}

function codeOf(error: unknown): number {
  if (error instanceof Stop) return error.code;
  if (error instanceof ConfigError) return exit.config;
  if (error instanceof EnrolError) return error.code === 'url' ? exit.usage : exit.refused;
  if (error instanceof StateInUseError) return exit.inUse;
  return exit.failed;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`rebato-agent: ${reasonOf(error)}\n`);
    process.exitCode = codeOf(error);
  },
);
