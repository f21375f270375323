import { type DestinationStream, destination as fileDestination, pino } from 'pino';
import type { Log } from './ports.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
export type LogOptions = {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default: standard error, written at once, so that the last line before a crash is there. */
  readonly destination?: DestinationStream;
  /** Added to every line, such as which hub of a process speaks. */
  readonly base?: Readonly<Record<string, string>>;
};

/** A log line is for reading. Past these bounds the rest is dropped, and the line says so. */
const depthMax = 6;
const membersMax = 60;
const textMaxChars = 8192;

/** Members with these words in their names never show a value. `keyId` and `tokenCount` are no credentials, so the word must end the name. */
const secretName = /(?:authorization|cookie|password|passwd|passphrase|token|secret|otp|credential|session|recoverycode|key)s?$/i;
const harmlessName = /(?:public[-_]?key|cachekey|dedupkey|idempotency[-_]?key)$/i;

/** Our own credentials in running text: `rbt_`, `rbe_`, `rbs_`, `rbl_`, `rba_` and their kin. */
const ownCredential = /\brb[a-z]_[A-Za-z0-9_-]{4,}/g;
const authorizationText = /\b(Bearer|Basic) +[A-Za-z0-9+/=._~:-]{6,}/gi;
/** `scheme://user:password@host`: the part that must not be seen. No `/`, `@` or space within, so it is linear. */
const urlPassword = /(:\/\/)[^\s/@:]{0,200}:[^\s/@]{1,500}@/g;

/** JSON escapes what is below space. A terminal also obeys C1 controls, and readers are fooled by line separators and direction marks. */
const deceiving = /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** One text made fit for the log: no credential of ours, no control that a terminal obeys, bounded. */
export function scrubText(text: string): string {
  const short = text.length > textMaxChars ? `${text.slice(0, textMaxChars)}… (${text.length} characters)` : text;
  return short
    .replace(ownCredential, (found) => `${found.slice(0, 4)}[redacted]`)
    .replace(authorizationText, '$1 [redacted]')
    .replace(urlPassword, '$1[redacted]@')
    .replace(deceiving, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function scrubError(error: Error, depth: number): Record<string, unknown> {
  const code = 'code' in error && typeof error.code === 'string' ? { code: scrubText(error.code) } : {};
  const cause = error.cause === undefined ? {} : { cause: scrub(error.cause, depth + 1) };
  const parts = error instanceof AggregateError ? { errors: scrub(error.errors, depth + 1) } : {};
  return { type: error.name, message: scrubText(error.message), ...code, stack: scrubText(error.stack ?? ''), ...parts, ...cause };
}

/** A bounded copy without secrets. Getters of foreign objects that throw do not take the line with them. */
function scrub(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrubText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return typeof value === 'function' || typeof value === 'symbol' ? undefined : value;
  if (depth >= depthMax) return '[deeper]';
  if (value instanceof Error) return scrubError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return scrub(Object.fromEntries(value), depth);
  if (value instanceof Set) return scrub([...value], depth);
  if (Array.isArray(value)) {
    const out = value.slice(0, membersMax).map((inner) => scrub(inner, depth + 1));
    return value.length > membersMax ? [...out, `… (${value.length} entries)`] : out;
  }
  return scrubFields(value as Readonly<Record<string, unknown>>, depth);
}

function scrubFields(fields: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  let count = 0;
  for (const name of Object.keys(fields)) {
    count += 1;
    if (count > membersMax) {
      out['…'] = 'more members';
      break;
    }
    let value: unknown;
    try {
      value = fields[name];
    } catch {
      value = '[unreadable]';
    }
    const secret = secretName.test(name) && !harmlessName.test(name) && value !== null && value !== undefined && typeof value !== 'boolean';
    out[scrubText(name)] = secret ? '[redacted]' : scrub(value, depth + 1);
  }
  return out;
}

/** JSON lines. Never throws: a log that cannot be written is no reason to stop serving. */
export function createLog(options: LogOptions = {}): Log {
  const sink = options.destination ?? fileDestination({ fd: 2, sync: true });
  // A full disk or a closed pipe shows as an event of the stream; without a listener it would end the process.
  if ('on' in sink && typeof sink.on === 'function') sink.on('error', () => undefined);
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: { ...options.base },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  const write = (level: 'info' | 'warn' | 'error', fields: Readonly<Record<string, unknown>>, message: string): void => {
    if (!logger.isLevelEnabled(level)) return;
    try {
      logger[level](scrubFields(fields, 0), scrubText(message));
    } catch {
      // Nobody is left to tell.
    }
  };
  return {
    info: (fields, message) => write('info', fields, message),
    warn: (fields, message) => write('warn', fields, message),
    error: (fields, message) => write('error', fields, message),
  };
}
