import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import type { Codec, CodecLimits } from '../codec.js';
import { PigeonholeError, show } from '../errors.js';
import { ExclusiveBytes } from './exclusive.js';
import { tooLarge } from './limits.js';

/** The bytes themselves: a Uint8Array or Buffer goes out, a Buffer comes in. */
export function createRawCodec(id: number): Codec {
  const exclusive = new ExclusiveBytes();

  function copy(bytes: Uint8Array): Uint8Array {
    const range = exclusive.allocate(bytes.length);
    range.set(bytes);
    return range;
  }

  function checked(body: unknown, { maxMessageBytes }: CodecLimits): Uint8Array {
    // Of any realm.
    if (!types.isUint8Array(body)) {
      const advice =
        'codec raw sends a Uint8Array or Buffer only; wrap the bytes in one, or use codec msgpack';
      throw new PigeonholeError('ERR_UNSERIALIZABLE', `body is ${show(body)}: ${advice}.`);
    }
    if (body.length > maxMessageBytes) throw tooLarge(String(body.length), maxMessageBytes);
    return body;
  }

  function encode(body: unknown, limits: CodecLimits): Uint8Array {
    return copy(checked(body, limits));
  }

  function encodeInto(body: unknown, limits: CodecLimits, target: Uint8Array, at: number): number {
    const bytes = checked(body, limits);
    if (bytes.length > target.length - at) return -1;
    target.set(bytes, at);
    return bytes.length;
  }

  const decodeRange = (bytes: Uint8Array, start: number, end: number): Buffer =>
    exclusive.bufferOf(bytes, start, end);

  const decode = (bytes: Uint8Array): Buffer => decodeRange(bytes, 0, bytes.length);

  const adopt = (bytes: Uint8Array): Buffer =>
    Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);

  /** That the bytes are not too many is for whoever has them already. */
  const decodeChecked = (bytes: Uint8Array, _limits: CodecLimits, start = 0, end = bytes.length): Buffer =>
    exclusive.bufferOf(bytes, start, end);

  function verifyRange(_: Uint8Array, { maxMessageBytes }: CodecLimits, start: number, end: number): void {
    if (end - start <= maxMessageBytes) return;
    throw new PigeonholeError(
      'ERR_FRAME',
      `A body of ${end - start} bytes exceeds maxMessageBytes (${maxMessageBytes}).`,
    );
  }

  const verify = (bytes: Uint8Array, limits: CodecLimits): void =>
    verifyRange(bytes, limits, 0, bytes.length);

  return {
    name: 'raw',
    id,
    encode,
    encodeInto,
    decode,
    decodeRange,
    decodeChecked,
    adopt,
    bytesOf: checked,
    verify,
    verifyRange,
  };
}
