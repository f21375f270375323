import { type BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { canonicalAddress, isPublicAddress, netsOf } from './address.ts';

/** Why a request did not go out or come back. For the log only: callers see one text for all. */
export class Refusal extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/** A target as it was checked. */
export type Target = { readonly url: URL /** without brackets */; readonly host: string; readonly port: number };

const urlMaxChars = 4096;

/** What a URL parser silently drops or turns round: white space, controls, backslashes. */
const treacherous = /[\s\u0000-\u0020\u007f-\u00a0\\]/;

/** A port where a web server is not, and where an HTTP request may be taken for commands. */
const portsRefused: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 19, 21, 22, 23, 25, 53, 69, 79, 110, 111, 119, 135, 139, 143, 161, 389, 445, 465, 514, 587, 636, 993, 995, 2049, 3306, 3389,
  5060, 5432, 5900, 6000, 6379, 11211, 27017,
]);

/** Reads a URL that may be anybody's input. */
export function targetOf(text: string): Target {
  if (text.length > urlMaxChars || treacherous.test(text)) throw new Refusal('malformed url');
  // `http:host` and `http:///host` mean the same to the parser as `http://host`, and other things to other readers.
  if (!/^https?:\/\/[^/]/i.test(text)) throw new Refusal('not an absolute http url');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw new Refusal('not an absolute http url');
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/?#]*@/.test(text)) throw new Refusal('credentials in the url');
  const host = url.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  if (host === '' || host.length > 253) throw new Refusal('no host');
  return { url, host, port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port) };
}

export type AddressPolicy = {
  /** Throws for ports and names that are refused whatever they resolve to. */
  checkTarget(target: Target): void;
  /** The addresses in canonical form, or a refusal if any of them is not allowed: a mixed answer is an attack, not a choice. */
  checkAddresses(target: Target, addresses: readonly string[]): string[];
};

export type PolicyOptions = {
  /** `host`, `host:port`, address or CIDR that may be reached although private. Hosts are exact names. */
  readonly allow: readonly string[];
  /** Own names and addresses, such as that of the public URL: never reached, `allow` or not. */
  readonly refuse: readonly string[];
};

/** Addresses of this machine, whatever range they are in: a hub on a public address must not be made to call itself. */
function ownAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return new Set(all.flatMap(({ address }) => canonicalAddress(address.replace(/%.*$/, '')) ?? []));
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 4 ? 'ipv4' : 'ipv6');

function split(entries: readonly string[]): { readonly nets: BlockList; readonly hosts: ReadonlySet<string> } {
  const isNet = (entry: string): boolean => isIP(entry.replace(/\/\d{1,3}$/, '')) !== 0;
  return {
    nets: netsOf(entries.filter(isNet)),
    hosts: new Set(entries.filter((entry) => !isNet(entry)).map((entry) => entry.toLowerCase())),
  };
}

export function addressPolicy(options: PolicyOptions): AddressPolicy {
  const allow = split(options.allow);
  const refuse = split(options.refuse);
  const allowedByName = ({ host, port }: Target): boolean => allow.hosts.has(host) || allow.hosts.has(`${host}:${port}`);
  return {
    checkTarget(target) {
      if (refuse.hosts.has(target.host) || refuse.hosts.has(`${target.host}:${target.port}`)) throw new Refusal('the hub itself');
      if (portsRefused.has(target.port) && !allow.hosts.has(`${target.host}:${target.port}`)) throw new Refusal('refused port');
    },
    checkAddresses(target, addresses) {
      if (addresses.length === 0) throw new Refusal('no address');
      const own = ownAddresses();
      return addresses.map((text) => {
        const address = canonicalAddress(text);
        if (address === undefined) throw new Refusal('not an address');
        if (refuse.nets.check(address, familyOf(address))) throw new Refusal('the hub itself');
        if (allowedByName(target) || allow.nets.check(address, familyOf(address))) return address;
        if (own.has(address)) throw new Refusal('this machine');
        if (!isPublicAddress(address)) throw new Refusal('private or special address');
        return address;
      });
    },
  };
}
