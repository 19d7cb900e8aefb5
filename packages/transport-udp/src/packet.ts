/**
 * The bytes of every datagram of the reliable mode; docs/protocol.md has the diagrams. Integers are little-endian. A datagram that
 * breaks the format is `null` here, and is dropped: it may come from anybody.
 */

import { Buffer } from 'node:buffer';

export const VERSION = 1;

export const Kind = { init: 1, cookie: 2, welcome: 3, refused: 4, data: 5, reset: 6, mark: 7 } as const;

/** Of `init` and `welcome`: what a receiver may refuse with. */
export const Refusal = { closed: 1, version: 2 } as const;

export const ID_BYTES = 8;
export const COOKIE_BYTES = 20;
export const PROOF_BYTES = 16;
export const DATA_HEADER = 32;
/** Most ranges that one acknowledgement lists; what is beyond them is listed once those before have come. */
export const MAX_RANGES = 32;
/** How far beyond the next expected segment a range may reach. */
export const MAX_AHEAD = 0xffff;

const INIT_BYTES = 4 + ID_BYTES + 4 + COOKIE_BYTES + PROOF_BYTES;

const SEGMENT = 1;
const FIN = 2;
const ELICITING = 4;

/** Segments `from` to before `to` have come. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What each datagram of a connection says. Numbers are whole here and their low 32 bits on the wire. */
export interface DataPacket {
  /** Number of this transmission, if it asks for an acknowledgement; else 0. No two transmissions share one. */
  tx: number;
  /** Number of the segment in it, if there is one. */
  seq: number | null;
  /** That segment is the sender's last. */
  fin: boolean;
  /** All segments before this one have come. */
  ack: number;
  /** The highest `tx` that has come; 0: none. */
  echo: number;
  /** What the other side may have under way, in charged bytes. */
  window: number;
  /** Beyond `ack`, ascending. */
  ranges: readonly Range[];
  payload: Buffer;
}

/** The kind of a datagram of this version. */
export function kindOf(datagram: Buffer): number | null {
  return datagram.length >= 4 && datagram[1] === VERSION ? (datagram[0] as number) : null;
}

/** To whom (or, in `init`, from whom) a datagram is: the connection id, as a string of 8 latin1 characters. */
export function idOf(datagram: Buffer): string | null {
  return datagram.length >= 4 + ID_BYTES ? datagram.toString('latin1', 4, 4 + ID_BYTES) : null;
}

function start(kind: number, length: number, id: string, flags = 0, count = 0): Buffer {
  const packet = Buffer.allocUnsafe(length);
  packet[0] = kind;
  packet[1] = VERSION;
  packet[2] = flags;
  packet[3] = count;
  packet.write(id, 4, ID_BYTES, 'latin1');
  return packet;
}

/** The number whose low 32 bits are `low` and that lies nearest to `near`. */
export function widen(low: number, near: number): number {
  return near + ((low - near) | 0);
}

export function encodeData(to: string, packet: Omit<DataPacket, 'payload'>): Buffer {
  const { tx, seq, fin, ack, echo, window, ranges } = packet;
  const flags = (seq === null ? 0 : SEGMENT) | (fin ? FIN : 0) | (tx === 0 ? 0 : ELICITING);
  const header = start(Kind.data, DATA_HEADER + 4 * ranges.length, to, flags, ranges.length);
  header.writeUInt32LE(tx % 2 ** 32, 12);
  header.writeUInt32LE((seq ?? 0) % 2 ** 32, 16);
  header.writeUInt32LE(ack % 2 ** 32, 20);
  header.writeUInt32LE(echo % 2 ** 32, 24);
  header.writeUInt32LE(Math.min(window, 0xffff_ffff), 28);
  for (const [at, { from, to: end }] of ranges.entries()) {
    header.writeUInt16LE(from - ack, DATA_HEADER + 4 * at);
    header.writeUInt16LE(end - ack, DATA_HEADER + 4 * at + 2);
  }
  return header;
}

/** What numbers are near: how far either side has got. */
export interface Near {
  readonly tx: number;
  readonly seq: number;
  readonly ack: number;
  readonly echo: number;
}

export function decodeData(datagram: Buffer, near: Near): DataPacket | null {
  if (datagram.length < DATA_HEADER) return null;
  const flags = datagram[2] as number;
  const count = datagram[3] as number;
  const end = DATA_HEADER + 4 * count;
  if (count > MAX_RANGES || datagram.length < end) return null;
  const segment = (flags & SEGMENT) !== 0;
  const ack = widen(datagram.readUInt32LE(20), near.ack);
  const ranges = rangesOf(datagram, count, ack);
  if (ranges === null || (!segment && datagram.length > end)) return null;
  return {
    tx: (flags & ELICITING) === 0 ? 0 : widen(datagram.readUInt32LE(12), near.tx),
    seq: segment ? widen(datagram.readUInt32LE(16), near.seq) : null,
    fin: (flags & FIN) !== 0,
    ack,
    echo: widen(datagram.readUInt32LE(24), near.echo),
    window: datagram.readUInt32LE(28),
    ranges,
    payload: datagram.subarray(end),
  };
}

const NO_RANGES: readonly Range[] = [];

function rangesOf(datagram: Buffer, count: number, ack: number): readonly Range[] | null {
  if (count === 0) return NO_RANGES;
  const ranges: Range[] = [];
  let last = 0;
  for (let at = DATA_HEADER; at < DATA_HEADER + 4 * count; at += 4) {
    const [from, to] = [datagram.readUInt16LE(at), datagram.readUInt16LE(at + 2)];
    if (from <= last || to <= from) return null;
    ranges.push({ from: ack + from, to: ack + to });
    last = to;
  }
  return ranges;
}

export interface Init {
  readonly from: string;
  readonly window: number;
  readonly cookie: Buffer;
  /** What the proof is of: all that comes before it. */
  readonly proven: Buffer;
  readonly proof: Buffer;
}

/** Without its proof, which goes behind it. */
export function encodeInit(from: string, window: number, cookie: Buffer): Buffer {
  const packet = start(Kind.init, INIT_BYTES - PROOF_BYTES, from);
  packet.writeUInt32LE(Math.min(window, 0xffff_ffff), 4 + ID_BYTES);
  cookie.copy(packet, 8 + ID_BYTES);
  return packet;
}

export function decodeInit(datagram: Buffer): Init | null {
  if (datagram.length !== INIT_BYTES) return null;
  const proven = datagram.subarray(0, INIT_BYTES - PROOF_BYTES);
  return {
    from: datagram.toString('latin1', 4, 4 + ID_BYTES),
    window: datagram.readUInt32LE(4 + ID_BYTES),
    cookie: datagram.subarray(8 + ID_BYTES, 8 + ID_BYTES + COOKIE_BYTES),
    proven,
    proof: datagram.subarray(INIT_BYTES - PROOF_BYTES),
  };
}

export function encodeCookie(to: string, cookie: Buffer): Buffer {
  const packet = start(Kind.cookie, 4 + ID_BYTES + COOKIE_BYTES, to);
  cookie.copy(packet, 4 + ID_BYTES);
  return packet;
}

export function decodeCookie(datagram: Buffer): Buffer | null {
  return datagram.length === 4 + ID_BYTES + COOKIE_BYTES ? datagram.subarray(4 + ID_BYTES) : null;
}

export function encodeWelcome(to: string, from: string, window: number): Buffer {
  const packet = start(Kind.welcome, 8 + 2 * ID_BYTES, to);
  packet.write(from, 4 + ID_BYTES, ID_BYTES, 'latin1');
  packet.writeUInt32LE(Math.min(window, 0xffff_ffff), 4 + 2 * ID_BYTES);
  return packet;
}

export function decodeWelcome(datagram: Buffer): { from: string; window: number } | null {
  if (datagram.length !== 8 + 2 * ID_BYTES) return null;
  return {
    from: datagram.toString('latin1', 4 + ID_BYTES, 4 + 2 * ID_BYTES),
    window: datagram.readUInt32LE(4 + 2 * ID_BYTES),
  };
}

/** `reason`: why an `init` is refused, and `version` then what this side speaks. */
export function encodeRefused(to: string, reason: number): Buffer {
  return start(Kind.refused, 4 + ID_BYTES, to, reason);
}

/** The connection `id` is over. `echoed`: its receiver's datagrams carried this id, which is known here no more. */
export function encodeReset(id: string, echoed: boolean): Buffer {
  return start(Kind.reset, 4 + ID_BYTES, id, echoed ? 1 : 0);
}

/** What a port sends to itself. */
export function encodeMark(id: string): Buffer {
  return start(Kind.mark, 4 + ID_BYTES, id);
}
