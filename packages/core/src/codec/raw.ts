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

  function encode(body: unknown, limits: CodecLimits): Uint8Array {
    if (!(body instanceof Uint8Array)) {
      const advice =
        'codec raw sends a Uint8Array or Buffer only; wrap the bytes in one, or use codec msgpack';
      throw new PigeonholeError('ERR_UNSERIALIZABLE', `body is ${show(body)}: ${advice}.`);
    }
    if (body.length > limits.maxMessageBytes) throw tooLarge(String(body.length), limits);
    return copy(body);
  }

  function decode(bytes: Uint8Array): Buffer {
    const range = copy(bytes);
    return Buffer.from(range.buffer, range.byteOffset, range.length);
  }

  function verify(bytes: Uint8Array, { maxMessageBytes }: CodecLimits): void {
    if (bytes.length <= maxMessageBytes) return;
    throw new PigeonholeError(
      'ERR_FRAME',
      `A body of ${bytes.length} bytes exceeds maxMessageBytes (${maxMessageBytes}).`,
    );
  }

  return { name: 'raw', id, encode, decode, verify };
}
