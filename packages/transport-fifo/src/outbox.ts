import { randomBytes } from 'node:crypto';
import { PigeonholeError } from '@pigeonhole/core/transport';
import { FifoWriter } from '@pigeonhole/native';
import { FRAME_HEAD, Kind, writeHead } from './frames.js';

export interface OutboxEvents {
  /** After a write found no room. */
  room(): void;
  /** Nobody reads that inbox any more: its process is dead, or done. */
  gone(): void;
}

const nothing = new Uint8Array(0);

/** This process's stream of frames into the inbox of another. */
export class Outbox {
  private readonly writer: FifoWriter;
  private readonly stream = randomBytes(8).readBigUInt64LE(0);
  /** The frame's head and, behind it, that of the packet. */
  private readonly head: Buffer;
  private sequence = 0;

  /** `ERR_PEER_DOWN` when nobody reads the inbox. */
  constructor(
    path: string,
    private readonly ownInbox: string,
    packetHead: number,
    private readonly events: OutboxEvents,
  ) {
    this.head = Buffer.alloc(FRAME_HEAD + packetHead);
    this.writer = new FifoWriter(path, { onRoom: () => events.room(), onGone: () => events.gone() });
    this.writer.watch();
  }

  /** `false`: there is no room, and `room` is reported once there is. */
  send(packetHead: Uint8Array, body: Uint8Array, start: number, end: number): boolean {
    if (this.sequence === 0 && !this.write(Kind.introduction, nothing, Buffer.from(this.ownInbox)))
      return false;
    return this.write(Kind.packet, packetHead, body, start, end);
  }

  /** Says that a frame of the other direction is missing. Best effort: without room, the next frames are refused there as here. */
  sayBroken(): void {
    this.write(Kind.broken, nothing, nothing);
  }

  close(): void {
    this.writer.close();
  }

  private write(
    kind: number,
    packetHead: Uint8Array,
    body: Uint8Array,
    start = 0,
    end = body.byteLength,
  ): boolean {
    const { head } = this;
    const length = packetHead.byteLength + end - start;
    writeHead(head, kind, this.stream, this.sequence, length);
    head.set(packetHead, FRAME_HEAD);
    try {
      const written = this.writer.write(
        head.subarray(0, FRAME_HEAD + packetHead.byteLength),
        body,
        start,
        end,
      );
      if (written) this.sequence = (this.sequence + 1) >>> 0;
      else this.writer.awaitRoom();
      return written;
    } catch (error) {
      if (!(error instanceof PigeonholeError)) throw error;
      setImmediate(() => this.events.gone());
      return true;
    }
  }
}
