import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { parseAddress, printV4, printV6, type Span } from './address.ts';

/** What this machine stands on: without any of these it would be cut off, from the hub that could take the block back as well. */
export type Surroundings = { readonly addresses: readonly Span[]; readonly hubName: string | undefined };

/** Own addresses, default gateways, resolvers, and where the hub is. Sources that do not exist on this system give nothing. */
export async function readSurroundings(hubUrl: string): Promise<Surroundings> {
  const texts: string[] = [];
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
