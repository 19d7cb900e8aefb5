/**
 * What one datagram carries. The kernel keeps it whole, and those of one sender in order; so there is nothing to find, count or join.
 *
 * ```
 * 0   'PGUD'
 * 4   kind          see Kind
 * 5   0             3 bytes
 * 8   stream        8 random bytes: of one process's datagrams to one socket, known to the two only
 * 16  payload
 * ```
 */

import { Buffer } from 'node:buffer';
export const DATAGRAM_HEAD = 16;
/** Longest datagram that is sent or taken. */
export const MAX_DATAGRAM = 65_536;
const MAGIC = Buffer.from('PGUD').readUInt32LE(0);

export const Kind = {
  /** Begins a stream; the payload is the path of the sender's own socket, where it is answered. */
  introduction: 1,
  /** A packet of the links. */
  packet: 2,
  /** Nothing: whoever sends it hears from the kernel whether there is anybody. (Datagrams need no `FrameKind.broken`: none is lost.) */
  probe: 3,
} as const;

export interface Datagram {
  readonly kind: number;
  readonly stream: bigint;
  readonly payload: Uint8Array;
}

export function writeHead(head: Buffer, kind: number, stream: bigint): void {
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt32LE(kind, 4);
  head.writeBigUInt64LE(stream, 8);
}

/** Null for what is none of ours. */
export function readDatagram(bytes: Uint8Array): Datagram | null {
  if (bytes.byteLength < DATAGRAM_HEAD) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, DATAGRAM_HEAD);
  const kind = view.getUint32(4, true);
  if (view.getUint32(0, true) !== MAGIC || kind < Kind.introduction || kind > Kind.probe) return null;
  return { kind, stream: view.getBigUint64(8, true), payload: bytes.subarray(DATAGRAM_HEAD) };
}
