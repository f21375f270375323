import { execFile } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { parseAddress, printV4, printV6, type Span } from './address.ts';

/** What this machine stands on: without any of these it would be cut off, from the hub that could take the block back as well. */
export type Surroundings = { readonly addresses: readonly Span[]; readonly hubName: string | undefined };

/**
 * Own addresses, default gateways, resolvers, and where the hub is. Sources that do not exist on this system give nothing. A control that works
 * in another network namespace stands on that one's addresses too: what this process sees is only its own.
 */
export async function readSurroundings(hubUrl: string, netns?: string): Promise<Surroundings> {
  const texts: string[] = netns === undefined ? [] : await ofNamespace(netns);
  for (const list of Object.values(networkInterfaces())) for (const one of list ?? []) texts.push(one.address);
  texts.push(...gatewaysV4(readOptional('/proc/net/route')), ...gatewaysV6(readOptional('/proc/net/ipv6_route')));
  texts.push(...resolvers(readOptional('/etc/resolv.conf')));
  let hubName: string | undefined;
  try {
    const host = new URL(hubUrl).hostname.replace(/^\[|\]$/g, '');
    if (parseAddress(host)) texts.push(host);
    else {
      hubName = host.toLowerCase();
      for (const { address } of await lookup(host, { all: true })) texts.push(address);
    }
  } catch {
    // A name that does not resolve now was protected by name, and is looked up again in a minute.
  }
  const addresses = texts.map((text) => parseAddress(text.split('%')[0] ?? '')).filter((span): span is Span => span !== undefined);
  return { addresses, hubName };
}

async function ofNamespace(netns: string): Promise<string[]> {
  const found = await Promise.all(
    [['address'], ['-4', 'route', 'show', 'default'], ['-6', 'route', 'show', 'default']].map((words) =>
      runIp(['-j', '-n', netns, ...words]),
    ),
  );
  return [...found.flatMap(addressesIn), ...resolvers(readOptional(`/etc/netns/${netns}/resolv.conf`))];
}

/** Looking is quick; a program that hangs must not keep the agent from starting. */
const ipMaxMs = 5_000;

function runIp(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile('ip', [...args], { timeout: ipMaxMs, killSignal: 'SIGKILL' }, (error, stdout) => resolve(error === null ? stdout : ''));
  });
}

/** What `ip -j` says of addresses (`local`) and routes (`gateway`). What is no such text gives nothing. */
export function addressesIn(json: string): string[] {
  let rows: unknown;
  try {
    rows = JSON.parse(json);
  } catch {
    return [];
  }
  const field = (row: unknown, name: string): unknown =>
    typeof row === 'object' && row !== null ? (row as Readonly<Record<string, unknown>>)[name] : undefined;
  const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
  return list(rows)
    .flatMap((row) => [
      field(row, 'gateway'),
      ...list(field(row, 'nexthops')).map((hop) => field(hop, 'gateway')),
      ...list(field(row, 'addr_info')).map((info) => field(info, 'local')),
    ])
    .filter((text) => typeof text === 'string');
}

function readOptional(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** /proc/net/route: destination, gateway and mask as little-endian hexadecimal. */
export function gatewaysV4(table: string): string[] {
  return table.split('\n').flatMap((line) => {
    const [, destination, gateway] = line.trim().split(/\s+/);
    if (destination !== '00000000' || gateway === undefined || !/^[0-9A-F]{8}$/.test(gateway) || gateway === '00000000') return [];
    const bytes = [6, 4, 2, 0].map((at) => Number.parseInt(gateway.slice(at, at + 2), 16));
    return [printV4(bytes.reduce((value, byte) => value * 256 + byte, 0))];
  });
}

/** /proc/net/ipv6_route: destination, its length, source, its length, next hop. */
export function gatewaysV6(table: string): string[] {
  return table.split('\n').flatMap((line) => {
    const [, length, , , hop] = line.trim().split(/\s+/);
    if (length !== '00' || hop === undefined || !/^[0-9a-f]{32}$/.test(hop) || /^0+$/.test(hop)) return [];
    return [printV6(BigInt(`0x${hop}`))];
  });
}

export function resolvers(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [word, address] = line.trim().split(/\s+/);
    return word === 'nameserver' && address !== undefined ? [address] : [];
  });
}
