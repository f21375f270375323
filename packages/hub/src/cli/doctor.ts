import { access, constants, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { isOnThisMachine } from './address.ts';
import type { Command, Context } from './command.ts';
import { type Exit, Stop } from './exits.ts';
import { duration, plural, shown } from './output.ts';
import { flag, number, rows, text } from './rows.ts';

export type Finding = { readonly check: string; readonly state: 'ok' | 'warn' | 'fail'; readonly says: string; readonly todo?: string };

const nodeMajor = 26;
const gibibyte = 1024 ** 3;
/** A PostgreSQL whose disk is full stops in the middle of a write. */
const freeFailBytes = gibibyte;
const freeWarnBytes = 5 * gibibyte;
/** Decisions and certificates are dated: two clocks may differ by what a heartbeat lives. */
const skewWarnMs = 10_000;
const skewFailMs = 60_000;
/** The sequencer empties the outbox several times a second. */
const waitingWarn = 5_000;
const tlsWarnMs = 14 * 86_400_000;
const tlsTimeoutMs = 10_000;
/** Warning lists are published about weekly. */
const listWarnMs = 45 * 86_400_000;
const namedMax = 5;

const ok = (check: string, says: string): Finding => ({ check, state: 'ok', says });
const warn = (check: string, says: string, todo: string): Finding => ({ check, state: 'warn', says, todo });
const fail = (check: string, says: string, todo: string): Finding => ({ check, state: 'fail', says, todo });

async function examine(context: Context): Promise<readonly Finding[]> {
  const findings: Finding[] = [checkNode()];
  if (isOnThisMachine(context.hub.url)) findings.push(...(await checkDataDir(context.dataDir)));
  const reached = await checkReached(context);
  findings.push(...reached.findings);
  findings.push(...(await checkTls(context)));
  if (!reached.ready) return findings;
  const key = await ask(context, 'key', async () => {
    const me = await context.hub.call('GET', '/api/v1/me');
    return [ok('key', `is accepted: ${text(me, 'label') || text(me, 'id')} of ${text(me, 'entity.name') || 'no entity'}`)];
  });
  findings.push(...key);
  // With a refused key everything below would say the same again.
  if (key.some((finding) => finding.state === 'fail')) return findings;
  findings.push(...(await ask(context, 'log', () => checkSystem(context))));
  findings.push(...(await ask(context, 'halt', () => checkHalt(context))));
  findings.push(...(await ask(context, 'controls', () => checkControls(context))));
  findings.push(...(await ask(context, 'guard', () => checkGuard(context))));
  return findings;
}

/** A check that the key has no right to is said to be left out; anything else that goes wrong is its finding. */
async function ask(context: Context, check: string, run: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    if (number(error.json, 'status') === 403)
      return [warn(check, 'is not checked: the key has no right to it', "run doctor with an administrator's key")];
    const todo = error.exit === 'usage' ? 'give --key, --key-file or REBATO_KEY' : `see the log of ${context.hub.url}`;
    return [
      fail(
        check,
        error.message.replaceAll('\n', '; '),
        number(error.json, 'status') === 401 ? 'make another key: rebato key create' : todo,
      ),
    ];
  }
}

function checkNode(): Finding {
  const version = process.versions.node;
  return Number.parseInt(version, 10) >= nodeMajor
    ? ok('node', `Node.js ${version}`)
    : fail('node', `Node.js ${version} is too old`, `install Node.js ${nodeMajor} or later, or start through npm, which brings it`);
}

async function checkDataDir(dir: string): Promise<readonly Finding[]> {
  try {
    if (!(await stat(dir)).isDirectory()) return [fail('data folder', `${dir} is no folder`, 'set REBATO_DATA_DIR to a folder')];
    await access(dir, constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ENOENT')
      return [
        warn(
          'data folder',
          `${dir} is not there`,
          'set REBATO_DATA_DIR as the hub has it, or run this in the folder where the hub was started',
        ),
      ];
    return [fail('data folder', `${dir} cannot be written by this user`, 'run this as the user of the hub, or give that user the folder')];
  }
  const findings: Finding[] = [];
  const key = await stat(join(dir, 'admin.key')).catch(() => undefined);
  if (key !== undefined && (key.mode & 0o077) !== 0)
    findings.push(
      fail('admin.key', 'others on this machine may read it', `chmod 600 ${join(dir, 'admin.key')}, and rotate the key if they could have`),
    );
  const disk = await statfs(dir);
  const free = disk.bavail * disk.bsize;
  const says = `${dir}, ${(free / gibibyte).toFixed(1)} GiB free`;
  const todo = 'free space, or move the data folder to a larger disk';
  findings.push(
    free < freeFailBytes
      ? fail('data folder', says, todo)
      : free < freeWarnBytes
        ? warn('data folder', says, todo)
        : ok('data folder', says),
  );
  return findings;
}

async function checkReached(context: Context): Promise<{ readonly ready: boolean; readonly findings: readonly Finding[] }> {
  const { hub, io } = context;
  const health = await hub.probe('/healthz', { anonymous: true });
  if (health === undefined)
    return { ready: false, findings: [fail('hub', `nothing answers at ${hub.url}`, 'start it (npm start), or correct --url')] };
  if (health.status !== 200 || health.text.trim() !== 'ok')
    return {
      ready: false,
      findings: [
        fail('hub', `what answers at ${hub.url} is no hub (status ${health.status})`, 'correct --url, or the proxy before the hub'),
      ],
    };
  const findings: Finding[] = [];
  const ready = await hub.probe('/readyz', { anonymous: true });
  const isReady = ready?.status === 200;
  findings.push(
    isReady
      ? ok('hub', `ready at ${hub.url}`)
      : fail('hub', 'it is up, but not ready', 'wait a moment; then see its log, and whether its database answers'),
  );
  // The header has whole seconds: half of one is its error.
  const skew = health.date === null ? Number.NaN : Math.abs(io.now().getTime() - Date.parse(health.date) - 500);
  if (!Number.isNaN(skew)) {
    const todo = 'let both machines keep time (NTP)';
    const says = `the clocks differ by ${duration(skew)}`;
    findings.push(
      skew > skewFailMs ? fail('clock', says, todo) : skew > skewWarnMs ? warn('clock', says, todo) : ok('clock', 'agrees with the hub'),
    );
  }
  return { ready: isReady, findings };
}

async function checkTls(context: Context): Promise<readonly Finding[]> {
  const url = new URL(context.hub.url);
  if (url.protocol !== 'https:')
    return isOnThisMachine(context.hub.url)
      ? []
      : [fail('TLS', 'the key travels without encryption', 'put the hub behind a proxy that speaks TLS, and use https')];
  const validTo = await new Promise<string | undefined>((resolve) => {
    const socket = connect({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 443),
      servername: url.hostname,
      timeout: tlsTimeoutMs,
      rejectUnauthorized: false,
    });
    const end = (value: string | undefined): void => {
      socket.destroy();
      resolve(value);
    };
    socket
      .once('secureConnect', () => end(socket.getPeerCertificate().valid_to))
      .once('error', () => end(undefined))
      .once('timeout', () => end(undefined));
  });
  const left = validTo === undefined ? Number.NaN : Date.parse(validTo) - context.io.now().getTime();
  if (Number.isNaN(left)) return [fail('TLS', 'no certificate could be read', 'see the proxy before the hub')];
  if (left <= 0) return [fail('TLS', `the certificate ended ${duration(-left)} ago`, 'renew it')];
  return [
    left < tlsWarnMs
      ? warn('TLS', `the certificate ends in ${duration(left)}`, 'renew it')
      : ok('TLS', `the certificate is valid for ${duration(left)}`),
  ];
}

async function checkSystem(context: Context): Promise<readonly Finding[]> {
  const body = await context.hub.call('GET', '/api/v1/system');
  const waiting = number(body, 'waiting');
  const failed = number(body, 'failed');
  const findings = [
    waiting > waitingWarn
      ? warn(
          'log',
          `${plural(waiting, 'change')} wait for their place in the log`,
          'see whether that number falls; if not, restart the hub and see its log',
        )
      : ok(
          'log',
          `keeps up: ${waiting} waiting, ${number(body, 'planned')} planned for later, database ${(number(body, 'databaseBytes') / gibibyte).toFixed(2)} GiB`,
        ),
  ];
  if (failed > 0)
    findings.push(
      fail('releases', `${plural(failed, 'change')} could not be carried to readers`, "see the hub's log for what is wrong with them"),
    );
  return findings;
}

async function checkHalt(context: Context): Promise<readonly Finding[]> {
  const body = await context.hub.call('GET', '/api/v1/halt');
  return [
    flag(body, 'on')
      ? warn(
          'halt',
          `new blocks are halted since ${text(body, 'at')}: ${text(body, 'reason')}`,
          'rebato halt off --reason …, when the cause is gone',
        )
      : ok('halt', 'new blocks are not halted'),
  ];
}

async function checkControls(context: Context): Promise<readonly Finding[]> {
  const silent = rows(await context.hub.call('GET', '/api/v1/controls/silent'), 'controls');
  if (silent.length === 0) return [ok('controls', 'every enrolled agent is heard')];
  const named = silent.slice(0, namedMax).map((row) => `${text(row, 'name')} (${duration(number(row, 'silentMs'))})`);
  const rest = silent.length > namedMax ? ` and ${silent.length - namedMax} more` : '';
  return [
    warn(
      'controls',
      `${plural(silent.length, 'agent')} not heard: ${named.join(', ')}${rest}`,
      'see whether the agent runs and reaches the hub; it goes on enforcing what it has',
    ),
  ];
}

async function checkGuard(context: Context): Promise<readonly Finding[]> {
  const lists = rows(await context.hub.call('GET', '/api/v1/guard/lists'), 'lists').filter((row) => flag(row, 'enabled'));
  if (lists.length === 0)
    return [warn('guard', 'no warning lists are in use; only the built-in rules hold values back', 'rebato import warninglist --help')];
  const broken = lists.filter((row) => text(row, 'problem') !== '');
  const old = lists.filter((row) => context.io.now().getTime() - Date.parse(text(row, 'importedAt')) > listWarnMs);
  const findings = [];
  if (broken.length > 0)
    findings.push(
      warn(
        'guard',
        `newer content was refused for ${broken
          .map((row) => text(row, 'name'))
          .slice(0, namedMax)
          .join(', ')}`,
        'rebato guard lists says why; import it again, with --force if it is right',
      ),
    );
  if (old.length > 0)
    findings.push(
      warn(
        'guard',
        `${plural(old.length, 'warning list')} older than ${duration(listWarnMs)}`,
        'import them again: rebato import warninglist',
      ),
    );
  return findings.length > 0 ? findings : [ok('guard', `${plural(lists.length, 'warning list')} in use`)];
}

export const doctorCommand: Command = {
  noun: 'doctor',
  summary: 'Look for what is wrong with a hub, and say what to do',
  more: 'Exit code 0 also with warnings, 5 when something has to be repaired.',
  async run(context): Promise<Exit> {
    const findings = await examine(context);
    context.answer({ findings });
    for (const { check, state, says, todo } of findings)
      context.say(`${state.padEnd(4)}  ${shown(check)}: ${shown(says)}${todo === undefined ? '' : `\n      → ${shown(todo)}`}\n`);
    const failed = findings.filter((finding) => finding.state === 'fail').length;
    const warned = findings.filter((finding) => finding.state === 'warn').length;
    context.say(failed + warned === 0 ? '\nAll is well.\n' : `\n${failed} to repair, ${plural(warned, 'warning')}.\n`);
    return failed > 0 ? 'failed' : 'ok';
  },
};
