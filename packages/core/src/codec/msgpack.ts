import { addExtension, Packr } from 'msgpackr';
import type { Codec, CodecLimits } from '../codec.js';
import { PigeonholeError } from '../errors.js';
import { createEncoding } from './encoding.js';
import { revive } from './revive.js';
import { MsgpackScan } from './scan.js';
import { EXTENSION } from './wire.js';

addExtension({ type: EXTENSION, read: revive } as Parameters<typeof addExtension>[0]);

const SCRATCH = 65_536;

/**
 * MessagePack and the extension of `wire.ts`. What is encoded is written by our own encoder; msgpackr decodes.
 *
 * Every value of R21 arrives equal, prototype included; class instances and null-prototype objects arrive as plain
 * objects, holes as undefined. Getters run during `encode`, and may run twice. `decode` reads bodies over 64 KiB in
 * place: their bytes must not change between `verify` and the end of `decode`.
 */
export function createMsgpackCodec(id: number): Codec {
  const packr = new Packr({ useRecords: false, variableMapSize: true, useToJSON: false, copyBuffers: true });
  const scan = new MsgpackScan();
  const scratch = Buffer.allocUnsafeSlow(SCRATCH);

  function decode(bytes: Uint8Array): unknown {
    const { length } = bytes;
    try {
      if (length > SCRATCH) return packr.unpack(Buffer.from(bytes.buffer, bytes.byteOffset, length));
      // A buffer used before saves msgpackr a DataView, and nothing can change the bytes while they are read.
      scratch.set(bytes);
      return packr.unpack(scratch, length);
    } catch (cause) {
      throw new PigeonholeError('ERR_FRAME', `Not a msgpack body: ${length} bytes could not be decoded.`, {
        cause,
      });
    }
  }

  return {
    name: 'msgpack',
    id,
    ...createEncoding(),
    decode,
    decodeRange: (bytes: Uint8Array, start: number, end: number) => decode(bytes.subarray(start, end)),
    verify: (bytes: Uint8Array, limits: CodecLimits) => scan.run(bytes, limits),
  };
}
