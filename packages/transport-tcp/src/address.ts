import { isIPv6 } from 'node:net';

export interface Address {
  /** A name or a numeric address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port` or `[IPv6]:port`; null for anything else. */
export function parseAddress(text: unknown): Address | null {
  if (typeof text !== 'string') return null;
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port <= 65_535)) return null;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : null;
  return plain === undefined ? null : { host: plain, port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Where a process of this host reaches a socket that is bound to `bound`: a wildcard is no address to connect to. */
export function reachable({ host, port }: Address): Address {
  const local: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { host: local[host] ?? host, port };
}

/** Begins the published address of a port that takes TLS only. */
const TLS = 'tls://';

/** An address as other processes are given it. */
export function publish(address: string, tls: boolean): string {
  return tls ? TLS + address : address;
}

export function takesTls(published: string): boolean {
  return published.startsWith(TLS);
}

/** The address in a published one, or null. */
export function addressIn(published: string): Address | null {
  return parseAddress(takesTls(published) ? published.slice(TLS.length) : published);
}
