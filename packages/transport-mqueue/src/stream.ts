import { randomBytes } from 'node:crypto';
import { PACKET_HEAD, PigeonholeError } from '@pigeonhole/core/transport';
import { FRAME_HEAD, Kind, writeHead } from './frames.js';
import type { Mechanism, Outbox } from './mechanism.js';

export interface StreamEvents {
  /** After a send that found no room. */
  room(): void;
  /** The queue is not there any more. */
  gone(): void;
}

const nothing = new Uint8Array(0);

/** This process's stream of frames into the inbox of another. */
export class Stream {
  /** Most bytes of a packet's payload. */
  readonly maxPayload: number;
  private readonly outbox: Outbox;
  private readonly stream = randomBytes(8).readBigUInt64LE(0);
  /** The frame's head and, behind it, that of the packet. */
  private readonly head = Buffer.alloc(FRAME_HEAD + PACKET_HEAD);
  private sequence = 0;

  /** `ERR_PEER_DOWN` when there is no such inbox. */
  constructor(
    mechanism: Mechanism,
    incarnation: string,
    private readonly ownAddress: string,
    private readonly events: StreamEvents,
  ) {
    this.outbox = mechanism.openOutbox(incarnation, () => events.room());
    this.maxPayload = this.outbox.messageBytes - FRAME_HEAD - PACKET_HEAD;
  }

  /** `false`: there is no room, and `room` is reported once there is. */
  send(packetHead: Uint8Array, body: Uint8Array, start: number, end: number): boolean {
    if (this.sequence === 0 && !this.write(Kind.introduction, nothing, Buffer.from(this.ownAddress)))
      return false;
    return this.write(Kind.packet, packetHead, body, start, end);
  }

  /** Says that a frame of the other direction is missing. Best effort: without room, the next frames are refused there as here. */
  sayBroken(): void {
    this.write(Kind.broken, nothing, nothing);
  }

  close(): void {
    this.outbox.close();
  }

  private write(
    kind: number,
    packetHead: Uint8Array,
    body: Uint8Array,
    start = 0,
    end = body.byteLength,
  ): boolean {
    const { head } = this;
    writeHead(head, kind, this.stream, this.sequence);
    head.set(packetHead, FRAME_HEAD);
    try {
      const sent = this.outbox.send(head.subarray(0, FRAME_HEAD + packetHead.byteLength), body, start, end);
      if (sent) this.sequence = (this.sequence + 1) >>> 0;
      return sent;
    } catch (error) {
      if (!(error instanceof PigeonholeError)) throw error;
      setImmediate(() => this.events.gone());
      return true;
    }
  }
}
