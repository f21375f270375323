import { BlockList, isIP } from 'node:net';
import { StartRefused } from '#platform/start-refused';

/**
 * Every setting of the hub, once: the environment, the help page and the reference are made from this table. A `reserved` setting has
 * its name and nothing behind it yet; setting it stops the start, so that nobody believes that it works.
 */
export const options = {
  host: text('REBATO_HOST', '127.0.0.1', 'Address on which HTTP listens. Anything but loopback belongs behind a proxy that speaks TLS.'),
  port: integer('REBATO_PORT', 7373, 0, 65_535, 'TCP port on which HTTP listens; 0 lets the system choose one.'),
  dataDir: text('REBATO_DATA_DIR', './data', 'Folder for everything that is kept on disk: the embedded database, keys, attachments.'),
  databaseUrl: url('REBATO_DATABASE_URL', ['postgres:', 'postgresql:'], 'PostgreSQL 15 or later to use instead of the embedded one.', {
    secret: true,
  }),
  publicUrl: url(
    'REBATO_PUBLIC_URL',
    ['http:', 'https:'],
    'Address under which people and programs reach this hub; passkeys are bound to its host name.',
  ),
  allowPrivateOutbound: networks(
    'REBATO_ALLOW_PRIVATE_OUTBOUND',
    'Hosts, addresses and networks (CIDR), separated by commas, that outgoing requests may reach although they are private.',
  ),
  rateLimit: integer('REBATO_RATE_LIMIT', 600, 1, 1_000_000, 'Requests per minute and principal before the hub answers 429.'),
  oidcIssuer: url('REBATO_OIDC_ISSUER', ['http:', 'https:'], 'OpenID Connect provider whose people may sign in.'),
  oidcClientId: optionalText('REBATO_OIDC_CLIENT_ID', 'Client id of this hub at the OpenID Connect provider.'),
  oidcClientSecret: optionalText('REBATO_OIDC_CLIENT_SECRET', 'Client secret of this hub at the OpenID Connect provider.', {
    secret: true,
  }),
  log: oneOf(
    'REBATO_LOG',
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
    'Least severe level that is written to the log.',
  ),
  keepReceiptsDays: keepDays('REBATO_KEEP_RECEIPTS_DAYS', 400, 'receipts of controls'),
  keepBatchesDays: keepDays(
    'REBATO_KEEP_BATCHES_DAYS',
    30,
    'signed batches, which nobody believes after 30 days; the newest of each lane stays',
  ),
  keepEntriesDays: keepDays('REBATO_KEEP_ENTRIES_DAYS', 90, 'entries that members follow; who comes back later begins anew'),
  keepLogDays: keepDays('REBATO_KEEP_LOG_DAYS', 90, 'entries of the internal log'),
  dnsPort: reserved('REBATO_DNS_PORT', 'Port of the DNS response policy zone.'),
  syslogPort: reserved('REBATO_SYSLOG_PORT', 'Port on which syslog messages are taken.'),
  smtpUrl: reserved('REBATO_SMTP_URL', 'Mail server for notifications.'),
  matrixUrl: reserved('REBATO_MATRIX_URL', 'Matrix homeserver for notifications.'),
  matrixToken: reserved('REBATO_MATRIX_TOKEN', 'Access token at the Matrix homeserver.'),
} as const;

/** Names that belong to the command line and to the tests. The hub itself does not read them, and does not mistake them for typing errors. */
const foreignNames = ['REBATO_URL', 'REBATO_KEY', 'REBATO_SHARED'];
const foreignPrefixes = ['REBATO_TEST_'];

type Options = typeof options;
/** One value per option; those without a default may be undefined. */
export type Config = { readonly [K in keyof Options]: Options[K] extends Option<infer T> ? T : never };

/** Reads all settings. Throws StartRefused that lists every problem at once, each naming its variable; secrets are never quoted. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const entries = Object.entries(options).map(([key, option]) => {
    // An empty variable means the same as none: that is how compose files and units leave one out.
    const raw = env[option.env]?.trim();
    if (raw === undefined || raw === '') return [key, option.fallback];
    const parsed = option.parse(raw);
    if ('problem' in parsed) problems.push(`${option.env} ${parsed.problem}${option.secret ? '' : `; it is ${JSON.stringify(raw)}`}.`);
    return [key, 'value' in parsed ? parsed.value : option.fallback];
  });
  const config: Config = Object.fromEntries(entries);
  problems.push(...unknownNames(env), ...contradictions(config));
  if (problems.length > 0) throw new StartRefused(problems.join('\n'));
  return config;
}

function unknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.values(options).map((option) => option.env as string);
  return Object.keys(env)
    .filter((name) => name.startsWith('REBATO_') && env[name] !== undefined && !known.includes(name) && !foreignNames.includes(name))
    .filter((name) => !foreignPrefixes.some((prefix) => name.startsWith(prefix)))
    .map((name) => `${name} is not a setting of Rebato${nearest(name, known)}.`);
}

/** The most likely meaning of a mistyped name: the one that shares the longest beginning, when that says something. */
function nearest(name: string, known: readonly string[]): string {
  const shared = (other: string): number => {
    let length = 0;
    while (length < other.length && other[length] === name[length]) length += 1;
    return length;
  };
  const [best] = known.toSorted((a, b) => shared(b) - shared(a));
  return best !== undefined && shared(best) > 'REBATO_'.length ? `; the nearest one is ${best}` : '';
}

function contradictions(config: Config): string[] {
  const problems: string[] = [];
  if (config.oidcIssuer !== undefined && config.oidcClientId === undefined) {
    problems.push('REBATO_OIDC_ISSUER is set without REBATO_OIDC_CLIENT_ID: the provider has to know this hub.');
  }
  if (config.oidcIssuer === undefined && config.oidcClientId !== undefined) {
    problems.push('REBATO_OIDC_CLIENT_ID is set without REBATO_OIDC_ISSUER: it is the id at that provider.');
  }
  if (config.oidcIssuer === undefined && config.oidcClientSecret !== undefined) {
    problems.push('REBATO_OIDC_CLIENT_SECRET is set without REBATO_OIDC_ISSUER: it is the secret for that provider.');
  }
  if (config.oidcIssuer !== undefined && config.publicUrl === undefined) {
    problems.push(
      'REBATO_OIDC_ISSUER is set without REBATO_PUBLIC_URL: the provider has to send people back to an address that they can reach.',
    );
  }
  return problems;
}

/** The settings as `rebato --help` shows them. */
export function configHelp(): string {
  const width = Math.max(...Object.values(options).map((option) => option.env.length));
  return Object.values(options)
    .map((option) => `  ${option.env.padEnd(width)}  ${option.help} ${defaultOf(option)}`)
    .join('\n');
}

/** The settings as the table in docs/reference. */
export function configMarkdown(): string {
  const rows = Object.values(options).map((option) => {
    const fallback = option.fallback === undefined ? '' : `\`${String(option.fallback)}\``;
    const notes = `${option.secret ? ' Secret: never logged.' : ''}${option.reserved ? ` ${reservedNote}` : ''}`;
    return `| \`${option.env}\` | ${option.kind.replaceAll('|', '\\|')} | ${fallback} | ${option.help}${notes} |`;
  });
  return ['| Variable | Value | Default | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function defaultOf(option: Option<unknown>): string {
  if (option.reserved) return `(${reservedNote})`;
  return option.fallback === undefined || option.fallback === '' ? '(not set)' : `(default: ${String(option.fallback)})`;
}

const reservedNote = 'Reserved: setting it stops the start.';

type Parsed<T> = { readonly value: T } | { readonly problem: string };
type Option<T> = {
  readonly env: string;
  /** What to write, in a few words. */
  readonly kind: string;
  readonly fallback: T;
  readonly help: string;
  readonly secret: boolean;
  readonly reserved: boolean;
  parse(raw: string): Parsed<T>;
};

function option<T>(
  rest: Pick<Option<T>, 'env' | 'kind' | 'fallback' | 'help' | 'parse'>,
  flags: { secret?: boolean; reserved?: boolean } = {},
): Option<T> {
  return { secret: false, reserved: false, ...flags, ...rest };
}

function text(env: string, fallback: string, help: string): Option<string> {
  return option({ env, kind: 'text', fallback, help, parse: (value) => ({ value }) });
}

function optionalText(env: string, help: string, flags?: { secret: boolean }): Option<string | undefined> {
  return option<string | undefined>({ env, kind: 'text', fallback: undefined, help, parse: (value) => ({ value }) }, flags);
}

function integer(env: string, fallback: number, min: number, max: number, help: string): Option<number> {
  const parse = (raw: string): Parsed<number> => {
    const value = Number(raw);
    return /^\d{1,9}$/.test(raw) && value >= min && value <= max ? { value } : { problem: `must be a whole number from ${min} to ${max}` };
  };
  return option({ env, kind: `${min} to ${max}`, fallback, help, parse });
}

/** At most a hundred years. */
function keepDays(env: string, fallback: number, what: string): Option<number> {
  return integer(env, fallback, 0, 36_500, `Days for which the hub keeps ${what}. 0: for ever.`);
}

function oneOf<T extends string>(env: string, values: readonly T[], fallback: T, help: string): Option<T> {
  const parse = (raw: string): Parsed<T> => {
    const value = values.find((candidate) => candidate === raw);
    return value === undefined ? { problem: `must be one of ${values.join(', ')}` } : { value };
  };
  return option({ env, kind: values.join(' | '), fallback, help, parse });
}

/** A URL without a trailing slash, so that paths can be appended. */
function url(env: string, protocols: readonly string[], help: string, flags?: { secret: boolean }): Option<string | undefined> {
  const shape = protocols.map((protocol) => `${protocol}//…`).join(' or ');
  const parse = (raw: string): Parsed<string> => {
    const parsed = URL.parse(raw);
    if (parsed === null || !protocols.includes(parsed.protocol)) return { problem: `must be an address such as ${shape}` };
    const isWeb = protocols.includes('https:');
    if (isWeb && (parsed.username !== '' || parsed.password !== '' || parsed.search !== '' || parsed.hash !== '')) {
      return { problem: 'must be an address without login, query and fragment' };
    }
    return { value: raw.replace(/\/$/, '') };
  };
  return option<string | undefined>({ env, kind: shape, fallback: undefined, help, parse }, flags);
}

/** Host names are compared in lower case; addresses and networks keep the way in which they are written. */
function networks(env: string, help: string): Option<readonly string[]> {
  const parse = (raw: string): Parsed<readonly string[]> => {
    const value = raw
      .split(',')
      .map((item) => item.trim().toLowerCase())
      .filter((item) => item !== '');
    const wrong = value.filter((item) => !isNetwork(item) && !isHostName(item));
    if (wrong.length > 0)
      return { problem: `names ${wrong.map((item) => JSON.stringify(item)).join(', ')}, which is no host, address or network` };
    return value.length > networksMax ? { problem: `names more than ${networksMax} hosts` } : { value };
  };
  return option<readonly string[]>({ env, kind: 'host, address or CIDR, …', fallback: [], help, parse });
}

/** Every outgoing connection is compared with each of them. */
const networksMax = 100;

function isNetwork(item: string): boolean {
  const [address = '', prefix, ...more] = item.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  if (prefix === undefined) return true;
  if (!/^\d{1,3}$/.test(prefix)) return false;
  try {
    new BlockList().addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
    return true;
  } catch {
    return false;
  }
}

function isHostName(item: string): boolean {
  // All digits and dots would be an address, and a wrong one.
  return item.length <= 253 && !/^[\d.]+$/.test(item) && item.split('.').every((label) => /^[a-z0-9_-]{1,63}$/.test(label));
}

function reserved(env: string, help: string): Option<undefined> {
  const parse = (): Parsed<undefined> => ({ problem: 'is reserved for a later release and does nothing yet; remove it' });
  return option<undefined>({ env, kind: '—', fallback: undefined, help, parse }, { reserved: true, secret: true });
}
