import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs of others that tests talk to, as Debian packages them. */
export type Peer = {
  readonly name: string;
  readonly packages: readonly string[];
  /** Any one of these files means that it is there; a bare name is looked for like a command. */
  readonly files: readonly string[];
};

const peers = {
  chromium: { name: 'chromium', packages: ['chromium'], files: ['/usr/bin/chromium'] },
  postgresql15: { name: 'PostgreSQL 15', packages: ['postgresql-15'], files: ['/usr/lib/postgresql/15/bin/initdb'] },
  nftables: { name: 'nftables', packages: ['nftables'], files: ['nft'] },
  iproute2: { name: 'iproute2', packages: ['iproute2'], files: ['ip'] },
  curl: { name: 'curl', packages: ['curl'], files: ['curl'] },
  gzip: { name: 'gzip', packages: ['gzip'], files: ['gzip'] },
  python: { name: 'Python', packages: ['python3', 'python3-venv'], files: ['python3'] },
} as const satisfies Record<string, Peer>;

export type PeerId = keyof typeof peers;

/** Debian keeps administrators' programs where an ordinary PATH does not look. */
const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

const isThere = ({ files }: Peer): boolean =>
  files.some((file) => (file.startsWith('/') ? existsSync(file) : places.some((place) => existsSync(join(place, file)))));

/** The whole file name of a peer's first program. */
export function programOf(id: PeerId): string {
  const [file = ''] = peers[id].files;
  if (file.startsWith('/')) return file;
  return places.map((place) => join(place, file)).find((path) => existsSync(path)) ?? file;
}

/** A browser with everything that it needs is 300 MB; a slow mirror must not hold the run for ever. */
const installMaxMs = 10 * 60_000;
const updateMaxMs = 2 * 60_000;

/** Where the run tells the test files, which are processes of their own, why a peer is not to be had. */
const reasonsVariable = 'REBATO_TEST_WITHOUT';

/**
 * Installs what is missing with apt, as root and with a network, all peers at once and then one by one. Answers a line for each peer that is not
 * to be had; the test files read the same reasons with `without`.
 */
export function installPeers(wanted: readonly PeerId[], say: (line: string) => void): string[] {
  const missing = wanted.filter((id) => !isThere(peers[id]));
  const reasons: Partial<Record<PeerId, string>> = {};
  if (missing.length > 0) {
    const whyNot = prepareApt();
    if (whyNot === undefined) for (const id of missing) say(`Installing ${peers[id].name} (${peers[id].packages.join(' ')}) …`);
    const together = whyNot ?? aptInstall(missing.flatMap((id) => peers[id].packages));
    // One that is not in the archive makes apt refuse all of them.
    for (const id of missing) {
      const why = together === undefined || whyNot !== undefined || missing.length === 1 ? together : aptInstall(peers[id].packages);
      if (!isThere(peers[id])) reasons[id] = `${peers[id].name} is not installed, and ${why ?? 'its package does not bring it'}`;
    }
  }
  process.env[reasonsVariable] = JSON.stringify(reasons);
  return Object.entries(reasons).map(([id, reason]) => `skipped peer ${id}: ${reason}`);
}

/** For a test's `skip`: false, or why the first missing peer is missing. */
export function without(...wanted: readonly PeerId[]): string | false {
  const missing = wanted.find((id) => !isThere(peers[id]));
  if (missing === undefined) return false;
  const reasons = JSON.parse(process.env[reasonsVariable] ?? '{}') as Partial<Record<PeerId, string>>;
  return reasons[missing] ?? `${peers[missing].name} is not installed`;
}

function prepareApt(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can install it';
  if (!existsSync('/usr/bin/apt-get')) return 'this system has no apt-get';
  return apt(['update'], updateMaxMs);
}

const aptInstall = (packages: readonly string[]): string | undefined =>
  apt(['install', '-y', '--no-install-recommends', ...packages], installMaxMs);

/** Undefined when it went well, else apt's last words. */
function apt(args: readonly string[], timeout: number): string | undefined {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, error, stderr } = spawnSync('apt-get', ['-qq', ...args], {
    env,
    timeout,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === 0) return undefined;
  const words = error?.message ?? stderr.trim().split('\n').at(-1) ?? '';
  return `apt-get ${args[0] ?? ''} failed: ${words.slice(0, 300)}`;
}
