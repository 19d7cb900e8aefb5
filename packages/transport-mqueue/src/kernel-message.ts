import { Buffer } from 'node:buffer';
import type { Envelope } from '@pigeonhole/core/transport';

/**
 * A message of a mailbox that is a queue of the kernel's. The body alone, where its codec is `raw` and neither its sender's name nor its time
 * is wanted: what a C program sends and gets. Else a header, all of it little-endian, and the body (docs/protocol.md):
 *
 * ```
 * 0   89 50 47 4B 51 01 0D 0A   by which it is known
 * 8   codec                     1 byte: 0 msgpack, 1 JSON, 2 raw, 3 the application's own
 * 9   priority                  1 byte
 * 10  length of the sender's name, 1 byte
 * 11  0
 * 12  type                      4 bytes; 0: none
 * 16  time of sending           8 bytes, a double: milliseconds since 1970
 * 24  length of the body        4 bytes: there may be more in the message, which does not count
 * 28  0                         4 bytes
 * 32  the sender's name, then the body
 * ```
 */
const MAGIC = Buffer.from([0x89, 0x50, 0x47, 0x4b, 0x51, 0x01, 0x0d, 0x0a]);
export const MESSAGE_HEAD = 32;
export const RAW = 2;
const MAX_CODEC = 3;

const none = Buffer.alloc(0);

/** What stands before the body: nothing for a raw one, unless it would be taken for something else then. */
export function headOf({ body, codec, from, type, priority, sentAt }: Envelope): Buffer {
  if (codec === RAW && !startsWithMagic(body)) return none;
  const name = Buffer.from(from);
  const head = Buffer.alloc(MESSAGE_HEAD + name.length);
  MAGIC.copy(head);
  head[8] = codec;
  head[9] = priority;
  head[10] = name.length;
  head.writeUInt32LE(type, 12);
  head.writeDoubleLE(sentAt, 16);
  head.writeUInt32LE(body.byteLength, 24);
  name.copy(head, MESSAGE_HEAD);
  return head;
}

/** Null for a message that begins like one of ours and is none. The body is a part of `bytes`. */
export function parse(bytes: Uint8Array, type: number, priority: number): Envelope | null {
  if (!startsWithMagic(bytes))
    return { body: bytes, codec: RAW, from: '', type, priority: Math.min(priority, 31), sentAt: Date.now() };
  if (bytes.byteLength < MESSAGE_HEAD) return null;
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [codec, named, length] = [head[8] as number, head[10] as number, head.readUInt32LE(24)];
  const at = MESSAGE_HEAD + named;
  const own = head.readUInt32LE(12);
  const sentAt = head.readDoubleLE(16);
  if (codec > MAX_CODEC || (head[9] as number) > 31 || at + length > head.length) return null;
  if (own >= 2 ** 31 || !Number.isFinite(sentAt)) return null;
  return {
    body: bytes.subarray(at, at + length),
    codec,
    from: head.toString('utf8', MESSAGE_HEAD, at),
    type: type || own,
    priority: head[9] as number,
    sentAt,
  };
}

function startsWithMagic(bytes: Uint8Array): boolean {
  return bytes.byteLength >= MAGIC.length && MAGIC.equals(bytes.subarray(0, MAGIC.length));
}
