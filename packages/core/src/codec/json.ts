import { isUtf8 } from 'node:buffer';
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

  function encode(body: unknown, limits: CodecLimits): Uint8Array {
    try {
      const walk = new JsonWalk(limits);
      const sent = walk.run(body);
      if (walk.least > limits.maxMessageBytes) throw tooLarge(`at least ${walk.least}`, limits);
      const text = JSON.stringify(sent);
      const length = Buffer.byteLength(text);
      if (length > limits.maxMessageBytes) throw tooLarge(`${length}`, limits);
      const bytes = exclusive.allocate(length);
      utf8.encodeInto(text, bytes);
      return bytes;
    } catch (error) {
      throw error instanceof PigeonholeError ? error : refusalFrom(error).toError();
    }
  }

  function verify(bytes: Uint8Array, limits: CodecLimits): void {
    scanJson(bytes, limits);
    if (!isUtf8(bytes)) throw new PigeonholeError('ERR_FRAME', 'Not a JSON body: it is not UTF-8.');
    // Only the parser itself can say that parsing will succeed. The scan has bounded what it builds.
    parse(bytes);
  }

  return { name: 'json', id, encode, decode: parse, verify };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (cause) {
    throw new PigeonholeError('ERR_FRAME', `Not a JSON body: ${(cause as Error).message}`, { cause });
  }
}
