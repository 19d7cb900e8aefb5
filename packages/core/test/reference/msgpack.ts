import { addExtension, Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from 'msgpackr';
import { ExclusiveBytes } from '../../src/codec/exclusive.js';
import { tooLarge } from '../../src/codec/limits.js';
import { refusalFrom } from '../../src/codec/refusal.js';
import { MsgpackScan } from '../../src/codec/scan.js';
import type { Codec, CodecLimits } from '../../src/codec.js';
import { PigeonholeError } from '../../src/errors.js';
import { revive } from './revive.js';
import { Walk } from './walk.js';
import { Bytes, EXTENSION, Special } from './wire.js';

/** What msgpackr hands an extension that writes for itself. Undocumented; `codec.msgpack.test.ts` pins it. */
type Reserve = (size: number) => { target: Buffer; position: number };

function writeBin({ bytes }: Bytes, reserve: Reserve): void {
  const { length } = bytes;
  const width = length < 2 ** 8 ? 1 : length < 2 ** 16 ? 2 : 4;
  const { target, position } = reserve(1 + width + length);
  target[position] = width === 1 ? 0xc4 : width === 2 ? 0xc5 : 0xc6;
  target.writeUIntBE(length, position + 1, width);
  target.set(bytes, position + 1 + width);
}

// Both classes are private to this codec, so no value of an application ever meets them.
addExtension({ Class: Bytes, type: EXTENSION, pack: writeBin as unknown as (value: unknown) => Uint8Array });
addExtension({ Class: Special, type: EXTENSION, write: (value: Special) => value.parts, read: revive });

/** Bodies that may take more do not go through the 8 KiB buffer that msgpackr shares among all its users. */
const LARGEST_SHARED = 4096;
const SCRATCH = 65_536;
/** msgpackr abandons a buffer with less room than this. */
const MARGIN = 4096;

const MODE = REUSE_BUFFER_MODE | RESET_BUFFER_MODE;
type Packed = Buffer & { start: number; end: number };

/**
 * MessagePack through msgpackr, which sees plain objects, arrays, strings, numbers, booleans, null, undefined, 64-bit
 * bigints and the two classes above, and nothing else. No records, no structures: nothing here compiles code.
 *
 * Every value of R21 arrives equal, prototype included; class instances and null-prototype objects arrive as plain
 * objects, holes as undefined. Getters run during `encode`, and may run twice. `decode` reads bodies over 64 KiB in
 * place: their bytes must not change between `verify` and the end of `decode`.
 */
export function createMsgpackCodec(id: number): Codec {
  const packr = new Packr({ useRecords: false, variableMapSize: true, useToJSON: false, copyBuffers: true });
  const exclusive = new ExclusiveBytes();
  const scan = new MsgpackScan();
  const scratch = Buffer.allocUnsafeSlow(SCRATCH);

  /** Bytes between `start` and `end` of the result are valid until the next call. */
  function pack(body: unknown, most: number): Packed {
    if (most <= LARGEST_SHARED) return packr.pack(body, MODE) as Packed;
    // What msgpackr writes to is global. Inside another `pack` (a getter that sends) each call gets a fresh buffer, which
    // two calls tell; replacing the buffer then would pull it from under the outer one.
    const shared = packr.pack(null, MODE);
    if (shared !== packr.pack(null, MODE)) return packr.pack(body, MODE) as Packed;
    const { position } = packr;
    const room = most + MARGIN;
    packr.useBuffer(room <= SCRATCH ? scratch : Buffer.allocUnsafeSlow(room));
    try {
      return packr.pack(body, MODE) as Packed;
    } finally {
      packr.useBuffer(shared);
      packr.position = position;
    }
  }

  /** Takes the bytes over if the buffer is theirs alone and hardly larger; copies them otherwise. */
  function own(packed: Packed, most: number): Uint8Array {
    const length = packed.end - packed.start;
    const fresh = most + MARGIN > SCRATCH && packed.length <= length * 1.125 + MARGIN;
    if (fresh) return new Uint8Array(packed.buffer, packed.byteOffset + packed.start, length);
    const bytes = exclusive.allocate(length);
    packed.copy(bytes, 0, packed.start, packed.end);
    return bytes;
  }

  function encode(body: unknown, limits: CodecLimits): Uint8Array {
    try {
      const walk = new Walk(limits);
      const sent = walk.run(body);
      if (walk.least > limits.maxMessageBytes)
        throw tooLarge(`at least ${walk.least}`, limits.maxMessageBytes);
      const packed = pack(sent, walk.most);
      if (packed.end - packed.start > limits.maxMessageBytes)
        throw tooLarge(`${packed.end - packed.start}`, limits.maxMessageBytes);
      return own(packed, walk.most);
    } catch (error) {
      throw error instanceof PigeonholeError ? error : refusalFrom(error).toError();
    }
  }

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

  return { name: 'msgpack', id, encode, decode, verify: (bytes, limits) => scan.run(bytes, limits) };
}
