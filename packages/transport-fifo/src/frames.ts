import { Buffer } from 'node:buffer';
import { PIPE_BUF } from '@pigeonhole/native';

/**
 * A frame is one write of at most PIPE_BUF bytes, so the kernel never mixes it with another's (pipe(7)):
 *
 * ```
 * 0   'PGFI'        by which the next frame is found behind bytes that are none
 * 4   length        of the whole frame, 2 bytes, little-endian
 * 6   kind          see FrameKind of @pigeonhole/core/transport
 * 7   0
 * 8   stream        8 random bytes: one writer's stream to one inbox, known to the two only
 * 16  sequence      4 bytes: of the frame in its stream
 * 20  0             4 bytes
 * 24  payload
 * ```
 */
export const FRAME_HEAD = 24;
export const MAX_PAYLOAD = PIPE_BUF - FRAME_HEAD;
const MAGIC = Buffer.from('PGFI');
const MAGIC_WORD = MAGIC.readUInt32LE(0);

export interface Frame {
  readonly kind: number;
  readonly stream: bigint;
  readonly sequence: number;
  readonly payload: Buffer;
  /** What was read with it goes on behind it. */
  readonly more: boolean;
}

export function writeHead(
  head: Buffer,
  kind: number,
  stream: bigint,
  sequence: number,
  payload: number,
): void {
  head.writeUInt32LE(MAGIC_WORD, 0);
  head.writeUInt16LE(FRAME_HEAD + payload, 4);
  head.writeUInt16LE(kind, 6);
  head.writeBigUInt64LE(stream, 8);
  head.writeUInt32LE(sequence, 16);
  head.writeUInt32LE(0, 20);
}

/** Cuts what is read from an inbox into frames, and passes over what is none. */
export class FrameReader {
  /** The beginning of a frame that the last read cut off. */
  private rest: Buffer | null = null;
  /** Bytes that were no frame. */
  skipped = 0;

  /** `readSize`: how much a read may bring. One that brought less has emptied the FIFO, and with it brought whole frames only. */
  constructor(
    private readonly readSize: number,
    /** Answers whether a frame with this head can be: a stream that is known, or a beginning. */
    private readonly plausible: (kind: number, stream: bigint) => boolean,
    private readonly onFrame: (frame: Frame) => void,
  ) {}

  /** The payloads given are parts of `bytes`, or of a copy that is used again: for the time of the call. */
  take(bytes: Buffer): void {
    const all = this.rest === null ? bytes : Buffer.concat([this.rest, bytes]);
    this.rest = null;
    let at = 0;
    while (at < all.length) {
      const length = this.frameAt(all, at);
      if (length > 0 && at + length <= all.length) {
        this.report(all, at, length);
        at += length;
      } else if (length !== 0 && bytes.byteLength === this.readSize && all.length - at < PIPE_BUF) {
        this.rest = Buffer.from(all.subarray(at)); // its end comes with the next read
        return;
      } else {
        const next = all.indexOf(MAGIC, at + 1);
        const to = next === -1 ? Math.max(at + 1, this.tailOf(all, bytes)) : next;
        this.skipped += to - at;
        at = to;
      }
    }
  }

  /** Length of the frame that begins there; 0 when none does, -1 when too little of it is here to tell. */
  private frameAt(all: Buffer, at: number): number {
    const left = all.length - at;
    if (left < MAGIC.length) return all.subarray(at).equals(MAGIC.subarray(0, left)) ? -1 : 0;
    if (all.readUInt32LE(at) !== MAGIC_WORD) return 0;
    if (left < FRAME_HEAD) return -1;
    const length = all.readUInt16LE(at + 4);
    if (length < FRAME_HEAD || length > PIPE_BUF || all[at + 7] !== 0 || all.readUInt32LE(at + 20) !== 0)
      return 0;
    return this.plausible(all.readUInt16LE(at + 6), all.readBigUInt64LE(at + 8)) ? length : 0;
  }

  /** Where the first letters of a frame may be at the end of a full read. */
  private tailOf(all: Buffer, bytes: Uint8Array): number {
    return bytes.byteLength === this.readSize ? all.length - (MAGIC.length - 1) : all.length;
  }

  private report(all: Buffer, at: number, length: number): void {
    this.onFrame({
      kind: all.readUInt16LE(at + 6),
      stream: all.readBigUInt64LE(at + 8),
      sequence: all.readUInt32LE(at + 16),
      payload: all.subarray(at + FRAME_HEAD, at + length),
      more: at + length < all.length,
    });
  }
}
