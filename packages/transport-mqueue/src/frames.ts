/**
 * A frame is one message of an inbox queue, which the kernel keeps whole:
 *
 * ```
 * 0   'PGMQ'
 * 4   kind          see FrameKind of @pigeonhole/core/transport, 2 bytes, little-endian
 * 6   0             2 bytes
 * 8   stream        8 random bytes: one writer's stream to one inbox, known to the two only
 * 16  sequence      4 bytes: of the frame in its stream
 * 20  0             4 bytes
 * 24  payload
 * ```
 */

import { Buffer } from 'node:buffer';
export const FRAME_HEAD = 24;
const MAGIC_WORD = Buffer.from('PGMQ').readUInt32LE(0);

export interface Frame {
  readonly kind: number;
  readonly stream: bigint;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

export function writeHead(head: Buffer, kind: number, stream: bigint, sequence: number): void {
  head.writeUInt32LE(MAGIC_WORD, 0);
  head.writeUInt16LE(kind, 4);
  head.writeUInt16LE(0, 6);
  head.writeBigUInt64LE(stream, 8);
  head.writeUInt32LE(sequence, 16);
  head.writeUInt32LE(0, 20);
}

/** Null for what is no frame. The payload is a part of `message`. */
export function readFrame(message: Uint8Array): Frame | null {
  if (message.byteLength < FRAME_HEAD) return null;
  const head = Buffer.from(message.buffer, message.byteOffset, FRAME_HEAD);
  if (head.readUInt32LE(0) !== MAGIC_WORD || head.readUInt16LE(6) !== 0 || head.readUInt32LE(20) !== 0)
    return null;
  return {
    kind: head.readUInt16LE(4),
    stream: head.readBigUInt64LE(8),
    sequence: head.readUInt32LE(16),
    payload: message.subarray(FRAME_HEAD),
  };
}
