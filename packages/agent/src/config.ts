import { readFileSync } from 'node:fs';
import { type ValueKind, valueKinds } from '@rebato/contract';
import { commandTarget } from './enforce/command.ts';
import { type FileFormat, fileTarget, plainKinds } from './enforce/file.ts';
import { hostsTarget } from './enforce/hosts.ts';
import { nftablesTarget } from './enforce/nftables.ts';
import type { Target } from './enforce/target.ts';
import { parseNeverBlock, widestEver } from './guard/guard.ts';
import { defaultTiming, type Timing } from './limits.ts';
import { type LogLevel, logLevels } from './log.ts';

export type TargetConfig =
  | {
      readonly type: 'nftables';
      readonly program: string;
      readonly netns?: string;
      readonly table: string;
      readonly capacity: number;
      readonly timeoutMs: number;
    }
  | {
      readonly type: 'file';
      readonly path: string;
      readonly kinds: readonly ValueKind[];
      readonly format: FileFormat;
      readonly capacity: number;
      readonly reload?: readonly string[];
      readonly reloadTimeoutMs: number;
    }
  | { readonly type: 'hosts'; readonly path: string; readonly capacity: number }
  | {
      readonly type: 'command';
      readonly argv: readonly string[];
      readonly kinds: readonly ValueKind[];
      readonly capacity: number;
      readonly timeoutMs: number;
    };

/** The configuration file, with every default filled in. Documented in the README, field by field. */
export type FileConfig = {
  readonly target: TargetConfig;
  readonly neverBlock: readonly string[];
  readonly widestV4: number;
  readonly widestV6: number;
  readonly log: LogLevel;
  readonly timing: Partial<Timing>;
  readonly caFile?: string;
};

/** Names the field that is wrong, so that a typing error is found and not silently ignored. */
export class ConfigError extends Error {
  readonly field: string;
  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.field = field;
  }
}

type Read<T> = (value: unknown, field: string) => T;

const text: Read<string> = (value, field) => {
  if (typeof value !== 'string' || value === '') throw new ConfigError(field, 'expected a text');
  return value;
};
const whole =
  (least: number, most: number): Read<number> =>
  (value, field) => {
    if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
      throw new ConfigError(field, `expected a whole number from ${least} to ${most}`);
    }
    return value as number;
  };
const oneOf =
  <T extends string>(all: readonly T[]): Read<T> =>
  (value, field) => {
    if (!(all as readonly unknown[]).includes(value)) throw new ConfigError(field, `expected one of ${all.join(', ')}`);
    return value as T;
  };
const listOf =
  <T>(read: Read<T>): Read<readonly T[]> =>
  (value, field) => {
    if (!Array.isArray(value)) throw new ConfigError(field, 'expected a list');
    return value.map((one, index) => read(one, `${field}[${index}]`));
  };

/** The fields of one object. What nobody has asked for by the time of `end` is unknown. */
class Fields {
  readonly #name: string;
  readonly #fields: Map<string, unknown>;
  constructor(value: unknown, name: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new ConfigError(name || 'configuration', 'expected an object');
    this.#name = name;
    this.#fields = new Map(Object.entries(value));
  }
  field(name: string): string {
    return this.#name === '' ? name : `${this.#name}.${name}`;
  }
  optional<T>(name: string, read: Read<T>): T | undefined {
    const value = this.#fields.get(name);
    this.#fields.delete(name);
    return value === undefined ? undefined : read(value, this.field(name));
  }
  required<T>(name: string, read: Read<T>): T {
    const value = this.optional(name, read);
    if (value === undefined) throw new ConfigError(this.field(name), 'is missing');
    return value;
  }
  end(): void {
    for (const name of this.#fields.keys()) throw new ConfigError(this.field(name), 'is not a known field');
  }
}

const capacityMax = 2_000_000;
const capacity = whole(1, capacityMax);
const milliseconds = whole(10, 3_600_000);

const targets: Record<TargetConfig['type'], (fields: Fields) => TargetConfig> = {
  nftables(fields) {
    const netns = fields.optional('netns', (value, field) => {
      const name = text(value, field);
      if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(name)) throw new ConfigError(field, 'is not the name of a network namespace');
      return name;
    });
    return {
      type: 'nftables',
      program: fields.optional('program', text) ?? 'nft',
      ...(netns === undefined ? {} : { netns }),
      table:
        fields.optional('table', (value, field) => {
          const name = text(value, field);
          if (!/^[a-z][a-z0-9_]{0,30}$/.test(name)) throw new ConfigError(field, 'is not the name of a table');
          return name;
        }) ?? 'rebato',
      capacity: fields.optional('capacity', capacity) ?? 500_000,
      timeoutMs: fields.optional('timeoutMs', milliseconds) ?? 30_000,
    };
  },
  file(fields) {
    const format = fields.optional('format', oneOf<FileFormat>(['plain', 'csv', 'json'])) ?? 'plain';
    const kinds = fields.optional('kinds', listOf(oneOf(format === 'plain' ? plainKinds : valueKinds))) ?? ['ip', 'net', 'domain'];
    const reload = fields.optional('reload', listOf(text));
    return {
      type: 'file',
      path: fields.required('path', text),
      format,
      kinds,
      capacity: fields.optional('capacity', capacity) ?? capacityMax,
      ...(reload === undefined ? {} : { reload }),
      reloadTimeoutMs: fields.optional('reloadTimeoutMs', milliseconds) ?? 30_000,
    };
  },
  hosts: (fields) => ({
    type: 'hosts',
    path: fields.optional('path', text) ?? '/etc/hosts',
    capacity: fields.optional('capacity', capacity) ?? 200_000,
  }),
  command: (fields) => ({
    type: 'command',
    argv: fields.required('argv', listOf(text)),
    kinds: fields.optional('kinds', listOf(oneOf(valueKinds))) ?? ['ip', 'net', 'domain'],
    capacity: fields.optional('capacity', capacity) ?? capacityMax,
    timeoutMs: fields.optional('timeoutMs', milliseconds) ?? 30_000,
  }),
};

const timingNames = Object.keys(defaultTiming) as (keyof Timing)[];

/** Reads a configuration. `fallbackPath` is where the block list goes when no target is named. */
export function parseConfig(json: unknown, fallbackPath: string): FileConfig {
  const fields = new Fields(json, '');
  const target = fields.optional('target', (value) => {
    const inner = new Fields(value, 'target');
    const type = inner.required('type', oneOf(Object.keys(targets) as TargetConfig['type'][]));
    const parsed = targets[type](inner);
    inner.end();
    return parsed;
  });
  const neverBlock = fields.optional('neverBlock', listOf(text)) ?? [];
  const [unreadable] = parseNeverBlock(neverBlock).unreadable;
  if (unreadable !== undefined) {
    throw new ConfigError(
      `neverBlock[${neverBlock.indexOf(unreadable)}]`,
      `${JSON.stringify(unreadable)} is no address, prefix (host bits zero) or domain`,
    );
  }
  const timing = fields.optional('timing', (value) => {
    const inner = new Fields(value, 'timing');
    const found: Partial<Record<keyof Timing, number>> = {};
    for (const name of timingNames) {
      const ms = inner.optional(name, whole(1, 3_600_000));
      if (ms !== undefined) found[name] = ms;
    }
    inner.end();
    return found as Partial<Timing>;
  });
  const caFile = fields.optional('caFile', text);
  const config: FileConfig = {
    target: target ?? targets.file(new Fields({ path: fallbackPath }, 'target')),
    neverBlock,
    widestV4: fields.optional('widestV4', whole(widestEver.v4, 32)) ?? widestEver.v4,
    widestV6: fields.optional('widestV6', whole(widestEver.v6, 128)) ?? widestEver.v6,
    log: fields.optional('log', oneOf(logLevels)) ?? 'info',
    timing: timing ?? {},
    ...(caFile === undefined ? {} : { caFile }),
  };
  fields.end();
  return config;
}

/** Reads the configuration file; one that does not exist is an empty one, unless it was asked for by name. */
export function readConfig(path: string, named: boolean, fallbackPath: string): FileConfig {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    if (!named && (error as NodeJS.ErrnoException).code === 'ENOENT') return parseConfig({}, fallbackPath);
    throw new ConfigError(path, 'cannot be read');
  }
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch {
    throw new ConfigError(path, 'is not JSON');
  }
  return parseConfig(json, fallbackPath);
}

export function createTarget(config: TargetConfig, wallMs: () => number): Target {
  switch (config.type) {
    case 'nftables':
      return nftablesTarget(config);
    case 'file':
      return fileTarget(config);
    case 'hosts':
      return hostsTarget(config);
    case 'command':
      return commandTarget(config, wallMs);
  }
}
