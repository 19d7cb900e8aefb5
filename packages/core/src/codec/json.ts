import { Buffer, isUtf8 } from 'node:buffer';
import type { Codec, CodecLimits } from '../codec.js';
import { PigeonholeError } from '../errors.js';
import { ExclusiveBytes } from './exclusive.js';
import { scanJson } from './json-scan.js';
import { JsonWalk } from './json-walk.js';
import { tooLarge } from './limits.js';
import { refusalFrom } from './refusal.js';

const utf8 = new TextEncoder();

/**
 * JSON in UTF-8, for receivers that read nothing else. Known losses: a Date arrives as its ISO string and anything else
 * with `toJSON` as what that returns; class instances arrive as plain objects; properties that are `undefined` and
 * symbol keys are left out; -0 arrives as 0. Whatever JSON would lose beyond that without a word is `ERR_UNSERIALIZABLE`.
 */
export function createJsonCodec(id: number): Codec {
  const exclusive = new ExclusiveBytes();

  function textOf(body: unknown, limits: CodecLimits): string {
    try {
      const walk = new JsonWalk(limits);
      const sent = walk.run(body);
      if (walk.least > limits.maxMessageBytes)
        throw tooLarge(`at least ${walk.least}`, limits.maxMessageBytes);
      return JSON.stringify(sent);
    } catch (error) {
      throw error instanceof PigeonholeError ? error : refusalFrom(error).toError();
    }
  }

  function lengthOf(text: string, { maxMessageBytes }: CodecLimits): number {
    const length = Buffer.byteLength(text);
    if (length > maxMessageBytes) throw tooLarge(`${length}`, maxMessageBytes);
    return length;
  }

  function encode(body: unknown, limits: CodecLimits): Uint8Array {
    const text = textOf(body, limits);
    const bytes = exclusive.allocate(lengthOf(text, limits));
    utf8.encodeInto(text, bytes);
    return bytes;
  }

  function encodeInto(body: unknown, limits: CodecLimits, target: Uint8Array, at: number): number {
    const text = textOf(body, limits);
    const length = lengthOf(text, limits);
    if (length > target.length - at) return -1;
    utf8.encodeInto(text, target.subarray(at));
    return length;
  }

  function verify(bytes: Uint8Array, limits: CodecLimits): void {
    scanJson(bytes, limits);
    if (!isUtf8(bytes)) throw new PigeonholeError('ERR_FRAME', 'Not a JSON body: it is not UTF-8.');
    // Only the parser itself can say that parsing will succeed. The scan has bounded what it builds.
    parse(bytes);
  }

  /** That the bytes are not too many is for whoever has them already. */
  function decodeChecked(bytes: Uint8Array, limits: CodecLimits, start = 0, end = bytes.length): unknown {
    scanJson(bytes.subarray(start, end), { ...limits, maxMessageBytes: end - start });
    return parse(bytes, start, end);
  }

  const decode = (bytes: Uint8Array): unknown => parse(bytes);
  return { name: 'json', id, encode, encodeInto, decode, decodeChecked, verify };
}

function parse(bytes: Uint8Array, start = 0, end = bytes.length): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8'));
  } catch (cause) {
    throw new PigeonholeError('ERR_FRAME', `Not a JSON body: ${(cause as Error).message}`, { cause });
  }
}
