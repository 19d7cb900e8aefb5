import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { DatagramContext, DatagramPort } from '@pigeonhole/core/transport';
import { type Address, formatAddress, KEY_BYTES, parseAddress, place } from './address.js';
import type { Listen } from './options.js';
import { openSocket, socketTrouble } from './socket.js';

/** What IP lets a datagram have on an interface of 64 KiB, as loopback is: 65,535 bytes less the headers (udp(7)); IPv6's are longer. */
const MOST = { 4: 65_507, 6: 65_487 } as const;

/** One socket, one datagram a message. Before each message stands the key that its receiver has published: others are not heard. */
export class DatagramSocket implements DatagramPort {
  readonly address: string;
  readonly maxBytes: number;
  private readonly key = randomBytes(KEY_BYTES);
  private readonly host: string;
  private readonly port: number;
  private readonly addresses = new Map<string, Address>();
  private closed = false;

  private constructor(
    private readonly socket: Socket,
    context: DatagramContext,
  ) {
    const { address: host, port } = socket.address();
    [this.host, this.port] = [host, port];
    this.address = formatAddress({ host, port, key: this.key });
    this.maxBytes = MOST[isIP(host) === 6 ? 6 : 4] - KEY_BYTES;
    socket.on('error', (error) => context.warn(socketTrouble(error, host, port)));
    socket.on('message', (datagram, from) => {
      if (datagram.length < KEY_BYTES || !timingSafeEqual(datagram.subarray(0, KEY_BYTES), this.key)) return;
      context.receive(datagram.subarray(KEY_BYTES), place(from.address, from.port));
    });
  }

  static async open(context: DatagramContext, listen: Listen): Promise<DatagramSocket> {
    return new DatagramSocket(await openSocket(listen), context);
  }

  send(address: string, pieces: Uint8Array[], done: (error: Error | null) => void): void {
    const { host, port, key } = this.parsed(address);
    const failed = (error: Error): Error => socketTrouble(error, this.host, this.port);
    try {
      this.socket.send([key, ...pieces], port, host, (error) => done(error === null ? null : failed(error)));
    } catch (error) {
      process.nextTick(done, failed(error as Error));
    }
  }

  originOf(address: string): string | null {
    try {
      const { host, port } = this.parsed(address);
      return place(host, port);
    } catch {
      return null;
    }
  }

  /** Linux counts them for each socket, in the last column (proc(5)). */
  drops(): number | null {
    try {
      const port = this.port.toString(16).toUpperCase().padStart(4, '0');
      const table = readFileSync(isIP(this.host) === 6 ? '/proc/net/udp6' : '/proc/net/udp', 'utf8');
      const line = table.split('\n').find((each) => each.trim().split(/\s+/)[1]?.endsWith(`:${port}`));
      const drops = Number(line?.trim().split(/\s+/).at(-1));
      return line !== undefined && Number.isInteger(drops) ? drops : null;
    } catch {
      return null;
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.socket.close();
  }

  private parsed(address: string): Address {
    let parsed = this.addresses.get(address);
    if (parsed === undefined) {
      parsed = parseAddress(address);
      this.addresses.set(address, parsed);
    }
    return parsed;
  }
}
