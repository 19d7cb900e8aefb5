import { Buffer } from 'node:buffer';
import { isIP } from 'node:net';
import { PigeonholeError } from '@pigeonhole/core/transport';

/** Bytes of the key that a port publishes beside its address. */
export const KEY_BYTES = 16;

/**
 * Where a port is reached, and the key that whoever connects must know. It is published in the process's record, which only its user
 * can read: so no other user of the host gets past the first datagram.
 */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly key: Buffer;
}

/** `127.0.0.1:4711`, `[::1]:4711`: what may be shown. */
export function place(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

export function formatAddress({ host, port, key }: Address): string {
  return `${place(host, port)}#${key.toString('hex')}`;
}

export function parseAddress(address: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})#([0-9a-f]{32})$/.exec(address);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  if (match === null || isIP(host) === 0 || port < 1 || port > 0xffff)
    throw new PigeonholeError('ERR_TRANSPORT', 'the other process publishes no address of transport udp', {
      transport: 'udp',
    });
  return { host, port, key: Buffer.from(match[4] as string, 'hex') };
}

export function isLoopback(host: string): boolean {
  return host === '::1' || /^127\./.test(host);
}
