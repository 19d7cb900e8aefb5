import type { Codec, CodecLimits } from '../codec.js';
import { Decoder } from './decoder.js';
import { createEncoding } from './encoding.js';
import { MsgpackScan } from './scan.js';

/**
 * MessagePack and the extension of `wire.ts`.
 *
 * Every value of R21 arrives equal, prototype included; class instances and null-prototype objects arrive as plain
 * objects, holes as undefined. Getters run during `encode`, and may run twice. Bytes that were not verified are decoded
 * to something, or are `ERR_FRAME`; they must not change before `decode` ends.
 */
export function createMsgpackCodec(id: number): Codec {
  const decoder = new Decoder();
  const scan = new MsgpackScan();
  return {
    name: 'msgpack',
    id,
    ...createEncoding(),
    decode: (bytes: Uint8Array) => decoder.run(bytes, 0, bytes.length),
    decodeRange: (bytes: Uint8Array, start: number, end: number) => decoder.run(bytes, start, end),
    decodeChecked: (bytes: Uint8Array, limits: CodecLimits, start = 0, end = bytes.length) =>
      decoder.run(bytes, start, end, limits),
    verify: (bytes: Uint8Array, limits: CodecLimits) => scan.run(bytes, limits),
    verifyRange: (bytes: Uint8Array, limits: CodecLimits, start: number, end: number) =>
      scan.run(bytes, limits, start, end),
  };
}
