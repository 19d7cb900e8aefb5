import type { Buffer } from 'node:buffer';
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { DatagramContext, DatagramPort } from '@pigeonhole/core/transport';
import { formatAddress, KEY_BYTES, parseAddress, place } from './address.js';
import type { Listen } from './options.js';
import { openSocket, type Place, type Socket, socketTrouble } from './socket.js';

/** Of another process. */
interface Receiver {
  readonly place: Place;
  readonly key: Uint8Array;
}

/** What IP lets a datagram have on an interface of 64 KiB, as loopback is: 65,535 bytes less the headers (udp(7)); IPv6's are longer. */
const MOST = { 4: 65_507, 6: 65_487 } as const;

/** One socket, one datagram a message. Before each message stands the key that its receiver has published: others are not heard. */
export class DatagramSocket implements DatagramPort {
  readonly address: string;
  readonly maxBytes: number;
  private readonly key = randomBytes(KEY_BYTES);
  private readonly receivers = new Map<string, Receiver>();
  private closed = false;

  private constructor(
    private readonly socket: Socket,
    private readonly context: DatagramContext,
  ) {
    const { host, port } = socket;
    this.address = formatAddress({ host, port, key: this.key });
    this.maxBytes = MOST[isIP(host) === 6 ? 6 : 4] - KEY_BYTES;
  }

  static async open(context: DatagramContext, listen: Listen): Promise<DatagramSocket> {
    const socket = await openSocket(listen, {
      datagram: (datagram, from) => port.receive(datagram, from),
      trouble: (error) => context.warn(socketTrouble(error, socket)),
    });
    const port = new DatagramSocket(socket, context);
    return port;
  }

  send(address: string, pieces: Uint8Array[], done: (error: Error | null) => void): void {
    const { place, key } = this.receiverAt(address);
    const told = (error: Error | null): void =>
      process.nextTick(done, error === null ? null : socketTrouble(error, this.socket));
    this.socket.send(place, [key, ...pieces], told);
  }

  originOf(address: string): string | null {
    try {
      const { host, port } = this.receiverAt(address).place;
      return place(host, port);
    } catch {
      return null;
    }
  }

  /** Linux counts them for each socket, in the last column (proc(5)). */
  drops(): number | null {
    try {
      const port = this.socket.port.toString(16).toUpperCase().padStart(4, '0');
      const table = readFileSync(isIP(this.socket.host) === 6 ? '/proc/net/udp6' : '/proc/net/udp', 'utf8');
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

  private receive(datagram: Buffer, { host, port }: Place): void {
    if (datagram.length < KEY_BYTES || !timingSafeEqual(datagram.subarray(0, KEY_BYTES), this.key)) return;
    this.context.receive(datagram.subarray(KEY_BYTES), place(host, port));
  }

  private receiverAt(address: string): Receiver {
    let receiver = this.receivers.get(address);
    if (receiver === undefined) {
      const { host, port, key } = parseAddress(address);
      receiver = { place: this.socket.placeOf(host, port), key };
      this.receivers.set(address, receiver);
    }
    return receiver;
  }
}
