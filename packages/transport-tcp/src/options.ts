import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { BlockList, isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { PigeonholeError, show } from '@pigeonhole/core/transport';
import { type Address, formatAddress, parseAddress, publish } from './address.js';

/** Credentials of this process, each as PEM text or as the path of a PEM file (relative to the working directory). */
export interface TlsOptions {
  /** The private key of `cert`. */
  key: string;
  /** What this process shows: it must be valid for the host that others dial (a subjectAltName, such as `IP:127.0.0.1`). */
  cert: string;
  /** Who must have signed the certificate of the other side, whichever side dialled. */
  ca: string;
}

export interface TcpOptions {
  /**
   * `host:port` to listen on; port 0 is one that the kernel picks. Default: what `peers` says of this process, else `127.0.0.1:0`.
   */
  listen?: string;
  /** Mutual TLS on every connection: both sides verify. */
  tls?: TlsOptions;
  /** `true`: listen beyond the loopback interface without `tls`. Whoever reaches the address can then read, forge and join. */
  insecure?: boolean;
  /**
   * By name, the `host:port` of processes on other hosts that share this namespace and its mailboxes. Each must name the others. It may hold
   * this process itself, and others of this host, too, so that all can have the same.
   */
  peers?: Readonly<Record<string, string>>;
  /** Milliseconds without a sign of life after which a process on another host counts as dead. Default 20000. */
  silence?: number;
}

const SILENCE = 20_000;
const [LEAST_SILENCE, MOST_SILENCE] = [100, 2 ** 31 - 1];

const allowed = {
  listen: 'string',
  tls: 'object',
  insecure: 'boolean',
  peers: 'object',
  silence: 'number',
} as const;
const tlsKeys = ['key', 'cert', 'ca'] as const;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

export function configError(message: string, cause?: unknown): PigeonholeError {
  return new PigeonholeError('ERR_CONFIG', message, { cause, transport: 'tcp' });
}

/** Throws `ERR_CONFIG` for an option that is unknown or of the wrong kind. Touches neither files nor network. */
export function checkOptions(options: TcpOptions): void {
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(allowed, key))
      throw configError(`transport 'tcp' has no option '${key}'; it has: ${Object.keys(allowed).join(', ')}`);
    const kind = allowed[key as keyof typeof allowed];
    if (typeof value !== kind || value === null)
      throw configError(`option ${key} of transport 'tcp' is ${show(value)}; it must be: ${kind}`);
  }
  if (options.tls !== undefined) checkTls(options.tls);
  if (options.listen !== undefined) addressOf('listen', options.listen);
  for (const [name, address] of Object.entries(options.peers ?? {}))
    if (addressOf(`peers.${name}`, address).port === 0)
      throw configError(
        `option peers.${name} of transport 'tcp' is '${address}'; others cannot know a port that the kernel picks: name one`,
      );
  const { silence = SILENCE } = options;
  if (!(silence >= LEAST_SILENCE && silence <= MOST_SILENCE))
    throw configError(
      `option silence of transport 'tcp' is ${show(silence)}; it must be ${LEAST_SILENCE} to ${MOST_SILENCE} milliseconds`,
    );
}

function checkTls(tls: TlsOptions): void {
  const unknown = Object.keys(tls).find((key) => !(tlsKeys as readonly string[]).includes(key));
  const missing = tlsKeys.find((key) => typeof tls[key] !== 'string');
  if (unknown === undefined && missing === undefined) return;
  throw configError(
    `option tls of transport 'tcp' has ${unknown === undefined ? `no '${missing}'` : `an unknown '${unknown}'`}; it has three, each PEM ` +
      `text or the path of a PEM file: ${tlsKeys.join(', ')}`,
  );
}

function addressOf(option: string, text: string): Address {
  const address = parseAddress(text);
  if (address === null)
    throw configError(
      `option ${option} of transport 'tcp' is ${show(text)}; it must be host:port with a port of 0 to 65535 (IPv6 as [::1]:7000)`,
    );
  return address;
}

/** Where this process listens. Throws `ERR_CONFIG` when others are to find it and it does not say where. */
function listenAddress({ listen, peers }: TcpOptions, self: string): Address {
  const own = peers !== undefined && Object.hasOwn(peers, self) ? peers[self] : undefined;
  if (peers !== undefined && listen === undefined && own === undefined)
    throw configError(
      `option peers of transport 'tcp' names processes on other hosts, and they cannot know where process '${self}' listens: ` +
        `give listen, or peers.${self}`,
    );
  return addressOf('listen', listen ?? own ?? '127.0.0.1:0');
}

/** The processes on other hosts, and how long each may be silent; undefined when there are none. */
export function neighboursOf({
  peers,
  silence = SILENCE,
  tls,
}: TcpOptions): { addresses: Record<string, string>; silence: number } | undefined {
  if (peers === undefined) return undefined;
  const published = Object.entries(peers).map(([name, address]) => [
    name,
    publish(address, tls !== undefined),
  ]);
  return { addresses: Object.fromEntries(published), silence };
}

/**
 * The address to bind, numeric. Rejects with `ERR_CONFIG` when it reaches beyond this host and nothing protects it: a name counts
 * as what it resolves to.
 */
export async function permittedAddress(options: TcpOptions, self: string): Promise<Address> {
  const { host, port } = listenAddress(options, self);
  const numeric = isIP(host) > 0 ? host : await resolve(host);
  const local = loopback.check(numeric, isIP(numeric) === 6 ? 'ipv6' : 'ipv4');
  if (!local && options.tls === undefined && options.insecure !== true)
    throw configError(
      `option listen of transport 'tcp' is '${formatAddress({ host, port })}', which other hosts may reach, and a connection without TLS can ` +
        'be read and forged by whoever is on the way: give tls: { key, cert, ca }, or insecure: true if that network is trusted',
    );
  return { host: numeric, port };
}

async function resolve(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw configError(
      `option listen of transport 'tcp': the host '${host}' has no address (${(error as Error).message})`,
      error,
    );
  }
}

/** The credentials as PEM text. Rejects with `ERR_CONFIG` for a file that cannot be read, or for what is no PEM. */
export async function readCredentials(tls: TlsOptions): Promise<TlsOptions> {
  const [key, cert, ca] = await Promise.all(tlsKeys.map((name) => pemText(name, tls[name])));
  const credentials = { key, cert, ca } as TlsOptions;
  try {
    createSecureContext(credentials);
  } catch (error) {
    throw configError(
      `option tls of transport 'tcp' cannot be used: ${(error as Error).message}; key must be the private key of cert, all in PEM`,
      error,
    );
  }
  return credentials;
}

async function pemText(name: string, value: string): Promise<string> {
  if (value.includes('-----BEGIN ')) return value;
  let text: string;
  try {
    text = await readFile(value, 'utf8');
  } catch (error) {
    throw configError(
      `option tls.${name} of transport 'tcp' is no PEM text, and no file that can be read: ${(error as Error).message}`,
      error,
    );
  }
  if (text.includes('-----BEGIN ')) return text;
  throw configError(`option tls.${name} of transport 'tcp': ${value} holds no PEM text`);
}
