import { isIP } from 'node:net';
import { PigeonholeError, show } from '@pigeonhole/core/transport';
import { isLoopback } from './address.js';

export interface UdpOptions {
  /** `host:port` to receive on, the host as a number; port 0 is one that the kernel picks. Default `127.0.0.1:0`. */
  listen?: string;
  /** `true`: listen beyond the loopback interface. Whoever is on that network can then read and forge what travels. */
  insecure?: boolean;
  /**
   * `'reliable'` (default): every rule holds. `'datagram'`: one datagram a message, at most once, unacknowledged; it may be lost, doubled
   * and overtaken.
   */
  delivery?: 'reliable' | 'datagram';
}

/** Where to bind. */
export interface Listen {
  readonly host: string;
  readonly port: number;
}

const allowed = { listen: 'string', insecure: 'boolean', delivery: 'string' } as const;

function configError(message: string): PigeonholeError {
  return new PigeonholeError('ERR_CONFIG', message, { transport: 'udp' });
}

/** Throws `ERR_CONFIG` naming the option, its value and what is allowed. */
export function checkOptions(options: UdpOptions): Listen {
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(allowed, key))
      throw configError(`transport 'udp' has no option '${key}'; it has: ${Object.keys(allowed).join(', ')}`);
    const kind = allowed[key as keyof typeof allowed];
    if (typeof value !== kind)
      throw configError(`option ${key} of transport 'udp' is ${show(value)}; it must be: ${kind}`);
  }
  const { listen = '127.0.0.1:0', insecure = false, delivery = 'reliable' } = options;
  if (delivery !== 'reliable' && delivery !== 'datagram')
    throw configError(
      `option delivery of transport 'udp' is ${show(delivery)}; allowed: 'reliable', 'datagram'`,
    );
  const { host, port } = parseListen(listen);
  if (!isLoopback(host) && !insecure)
    throw configError(
      `option listen of transport 'udp' is '${listen}', which other hosts may reach, and datagrams can be read and forged by whoever is on ` +
        "the way: listen on '127.0.0.1:0' or '[::1]:0', or give insecure: true if that network is trusted",
    );
  return { host, port };
}

function parseListen(listen: string): Listen {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(listen);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  if (isIP(host) === 0 || !(port <= 0xffff))
    throw configError(
      `option listen of transport 'udp' is ${show(listen)}; it must be host:port, the host as a number and the port 0 to 65535 ` +
        "('127.0.0.1:0', '[::1]:7000')",
    );
  // The others are told where to send; "everywhere" is no answer.
  if (/^[0:.]+$/.test(host))
    throw configError(
      `option listen of transport 'udp' is '${listen}', which is every address of this host; name the one that the others are to send to`,
    );
  return { host, port };
}
