import { type Ip, type Net, netContains, parseIp, parseNet } from '#values';
import type { Entry } from './entry.ts';

type Allowed = { readonly kind: string; readonly value: string };

/**
 * Whether blocking an entry would block something that its reader never wants blocked. A plain list cannot say "this network but for that
 * address", so an entry that overlaps an allowed value is left out as a whole.
 */
export function allowTest(allow: readonly Allowed[]): ((entry: Entry) => boolean) | undefined {
  if (allow.length === 0) return undefined;
  const values = new Set(allow.map(({ kind, value }) => `${kind} ${value}`));
  const ips = allow.flatMap(({ kind, value }) => (kind === 'ip' ? (parseIp(value) ?? []) : []));
  const nets = allow.flatMap(({ kind, value }) => (kind === 'net' ? (parseNet(value) ?? []) : []));
  const domains = allow.flatMap(({ kind, value }) => (kind === 'domain' ? [value] : []));

  const ipAllowed = (text: string): boolean => {
    if (values.has(`ip ${text}`)) return true;
    if (nets.length === 0) return false;
    const ip: Ip | undefined = parseIp(text);
    return ip !== undefined && nets.some((net) => netContains(net, ip));
  };
  const netAllowed = (text: string): boolean => {
    const net: Net | undefined = parseNet(text);
    return (
      net === undefined ||
      ips.some((ip) => netContains(net, ip)) ||
      nets.some((other) => netContains(net, other) || netContains(other, net))
    );
  };
  /** Its parents, itself and its children: a blocked parent usually takes its children with it. */
  const domainAllowed = (name: string): boolean => {
    for (let at = 0; at >= 0; ) {
      if (values.has(`domain ${name.slice(at)}`)) return true;
      const dot = name.indexOf('.', at);
      at = dot === -1 ? -1 : dot + 1;
    }
    return domains.some((domain) => domain.endsWith(`.${name}`));
  };
  return ({ kind, value }) => {
    if (kind === 'ip') return ipAllowed(value);
    if (kind === 'net') return netAllowed(value);
    if (kind === 'domain') return domainAllowed(value);
    if (kind !== 'url') return false;
    const host = URL.parse(value)?.hostname;
    if (host === undefined) return false;
    return host.startsWith('[') ? ipAllowed(host.slice(1, -1)) : parseIp(host) !== undefined ? ipAllowed(host) : domainAllowed(host);
  };
}
