import { Buffer } from 'node:buffer';
import type { Codec, CodecLimits } from '../codec.js';
import { PigeonholeError } from '../errors.js';
import { Encoder } from './encoder.js';
import { ExclusiveBytes } from './exclusive.js';
import { Keys } from './keys.js';
import { FULL, OVERESTIMATE } from './output.js';
import { refusalFrom } from './refusal.js';

/** Bodies up to this are written to memory that serves all of them, and copied. A multiple of 4. */
const SCRATCH = 65_536 + OVERESTIMATE;
/** The same for bodies that are encoded while another one is. */
const INNER_SCRATCH = 4096;
/** A larger body keeps the memory that it was written to if that is hardly more: an eighth of its size, and this. */
const SPARE = 4096;

type Encoding = Required<Pick<Codec, 'encode' | 'encodeInto'>>;

/** `encode` and `encodeInto` of the MessagePack codec. A getter in a body may call either again. */
export function createEncoding(keys = new Keys(), size = SCRATCH): Encoding {
  const encoder = new Encoder(keys);
  const { out } = encoder;
  const exclusive = new ExclusiveBytes();
  const scratch = Buffer.allocUnsafeSlow(size);
  const words = new Int32Array(scratch.buffer);
  let busy = false;
  /** What encodes meanwhile. */
  let inner: Encoding | undefined;
  let lastTarget: Uint8Array = scratch;
  let lastBuffer: Buffer = scratch;

  function encode(body: unknown, limits: CodecLimits): Uint8Array {
    if (busy) return nested().encode(body, limits);
    busy = true;
    try {
      out.aim(scratch, 0, true);
      const length = encoder.run(body, limits);
      return out.target === scratch ? exclusive.copy(words, length) : own(out.target, length);
    } catch (error) {
      throw asError(error);
    } finally {
      busy = false;
    }
  }

  function encodeInto(body: unknown, limits: CodecLimits, target: Uint8Array, at: number): number {
    if (busy) return nested().encodeInto(body, limits, target, at);
    busy = true;
    try {
      out.aim(bufferOver(target), at, false);
      return encoder.run(body, limits) - at;
    } catch (error) {
      if (error !== FULL) throw asError(error);
    } finally {
      busy = false;
    }
    return out.sure > target.length ? -1 : encodeTightly(body, limits, target, at);
  }

  /** There was not room for the most that could have come; there may be for what does come. Throws nothing for want of room: batches end so. */
  function encodeTightly(body: unknown, limits: CodecLimits, target: Uint8Array, at: number): number {
    const room = target.length - at;
    const memory = room + OVERESTIMATE <= size ? scratch : Buffer.allocUnsafeSlow(room + OVERESTIMATE);
    busy = true;
    try {
      out.aim(memory, 0, false, room + OVERESTIMATE);
      const length = encoder.run(body, limits);
      if (length > room) return -1;
      target.set(memory.subarray(0, length), at);
      return length;
    } catch (error) {
      if (error === FULL) return -1;
      throw asError(error);
    } finally {
      busy = false;
    }
  }

  function bufferOver(target: Uint8Array): Buffer {
    if (target !== lastTarget) {
      lastBuffer = Buffer.from(target.buffer, target.byteOffset, target.length);
      lastTarget = target;
    }
    return lastBuffer;
  }

  function nested(): Encoding {
    inner ??= createEncoding(keys, INNER_SCRATCH);
    return inner;
  }

  return { encode, encodeInto };
}

/** Takes over memory that only this body was written to. */
function own(target: Buffer, length: number): Uint8Array {
  if (target.length <= length * 1.125 + SPARE)
    return new Uint8Array(target.buffer, target.byteOffset, length);
  const bytes = Buffer.allocUnsafeSlow(length);
  target.copy(bytes, 0, 0, length);
  return new Uint8Array(bytes.buffer, 0, length);
}

function asError(error: unknown): PigeonholeError {
  return error instanceof PigeonholeError ? error : refusalFrom(error).toError();
}
