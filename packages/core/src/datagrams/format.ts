/**
 * A message in one datagram: how it travels where nothing is acknowledged. Integers are little-endian.
 *
 * ```text
 *  0       1          2      6        14            30              31
 *  +-------+----------+------+--------+-------------+---------------+---------+------
 *  | codec | priority | type | sentAt | incarnation | length of ... | mailbox | body
 *  | u8    | u8       | u32  | f64    | 16 digits   | u8            |         |
 *  +-------+----------+------+--------+-------------+---------------+---------+------
 * ```
 */
import { Buffer } from 'node:buffer';
import type { CodecLimits } from '../codec.js';
import { PigeonholeError } from '../errors.js';
import { Frame } from '../frame-parser.js';
import { Kind } from '../framing.js';
import { envelope } from '../hosted/reading.js';
import type { Envelope } from '../message.js';
import { isIncarnation } from '../naming.js';

const INCARNATION_AT = 14;
const NAME_AT = 31;

/** Everything before the body. `mailbox` is a mailbox's name, or `@` and a process's. */
export function encodeHeader(mailbox: string, incarnation: string, message: Envelope): Buffer {
  const header = Buffer.allocUnsafe(NAME_AT + mailbox.length);
  header[0] = message.codec;
  header[1] = message.priority;
  header.writeUInt32LE(message.type, 2);
  header.writeDoubleLE(message.sentAt, 6);
  header.write(incarnation, INCARNATION_AT, 'latin1');
  header[NAME_AT - 1] = mailbox.length;
  header.write(mailbox, NAME_AT, 'latin1');
  return header;
}

export interface Addressed {
  readonly mailbox: string;
  /** Whose message it says it is. */
  readonly incarnation: string;
  /** Checks the message, and gives it `from` for its sender. Throws `ERR_FRAME`. */
  open(from: string, limits: CodecLimits): Envelope;
}

/** To whom a datagram is and from whom it says it is. Throws `ERR_FRAME` for what is neither. */
export function decodeHeader(datagram: Buffer): Addressed {
  const length = datagram[NAME_AT - 1] ?? 0;
  const bodyAt = NAME_AT + length;
  const incarnation = datagram.toString('latin1', INCARNATION_AT, NAME_AT - 1);
  if (datagram.length < bodyAt || !isIncarnation(incarnation))
    throw new PigeonholeError('ERR_FRAME', 'a datagram names no mailbox or no process');
  return {
    mailbox: datagram.toString('latin1', NAME_AT, bodyAt),
    incarnation,
    open: (from, limits) => {
      const { 0: a = 0, 1: b = 0 } = datagram;
      const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
      const place = { bytes: datagram, view, start: 2, end: datagram.length };
      const frame = Object.assign(new Frame(), { kind: Kind.send, a, b }, place);
      const body = datagram.length - bodyAt;
      if (body > limits.maxMessageBytes)
        throw new PigeonholeError('ERR_FRAME', `a datagram has a body of ${body} bytes, more than the limit`);
      return envelope(frame, from, bodyAt - 2, limits);
    },
  };
}
