import { randomBytes } from 'node:crypto';
import { PigeonholeError } from '@pigeonhole/core/transport';
import type { DatagramSender } from '@pigeonhole/native';
import { DATAGRAM_HEAD, Kind, writeHead } from './dgram-frames.js';
import type { Native } from './gate.js';

export interface OutboxEvents {
  /** After a datagram found no room. */
  room(): void;
  /** Nobody receives there any more. */
  gone(): void;
}

const nothing = new Uint8Array(0);

/**
 * This process's datagrams to the socket of another. Through a socket of its own: what lies unreceived counts against the socket that
 * sent it, and a stopped process is to hold up nobody else.
 */
export class Outbox {
  private readonly sender: DatagramSender;
  private readonly stream = randomBytes(8).readBigUInt64LE(0);
  /** The datagram's head and, behind it, that of the packet. */
  private readonly head: Buffer;
  private introduced = false;

  /** `ERR_PEER_DOWN` when nobody receives there. */
  constructor(
    native: Native,
    path: string,
    private readonly ownPath: string,
    packetHead: number,
    private readonly events: OutboxEvents,
  ) {
    this.head = Buffer.alloc(DATAGRAM_HEAD + packetHead);
    this.sender = new native.DatagramSender(path, { onRoom: () => events.room() });
  }

  get maxBytes(): number {
    return this.sender.maxBytes;
  }

  /** `false`: there is no room, and `room` is reported once there is. */
  send(packetHead: Uint8Array, body: Uint8Array, start: number, end: number): boolean {
    if (!this.introduced) this.introduced = this.write(Kind.introduction, nothing, Buffer.from(this.ownPath));
    return this.introduced && this.write(Kind.packet, packetHead, body, start, end);
  }

  /** Has `gone` reported if nobody receives there any more. A datagram too many for who is merely slow does no harm. */
  probe(): void {
    this.write(Kind.probe, nothing, nothing);
  }

  close(): void {
    this.sender.close();
  }

  private write(
    kind: number,
    packetHead: Uint8Array,
    body: Uint8Array,
    start = 0,
    end = body.byteLength,
  ): boolean {
    const head = this.head.subarray(0, DATAGRAM_HEAD + packetHead.byteLength);
    writeHead(head, kind, this.stream);
    head.set(packetHead, DATAGRAM_HEAD);
    try {
      const sent = this.sender.send(head, body, start, end);
      if (!sent && kind !== Kind.probe) this.sender.awaitRoom();
      return sent;
    } catch (error) {
      if (!(error instanceof PigeonholeError)) throw error;
      setImmediate(() => this.events.gone());
      return true;
    }
  }
}
