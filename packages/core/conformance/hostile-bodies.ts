/** R28: bodies that a codec must refuse, or at least survive, as a sender with a codec of its own can send them. */
import type { Codec } from '../src/codec.js';

const text = (value: string) => [...Buffer.from(value)];
const str = (value: string) => [0xa0 + value.length, ...text(value)];

/** MessagePack that is broken, or that makes a careless decoder build far more than it was sent. */
const bodies: Readonly<Record<string, Uint8Array>> = {
  'a byte that MessagePack never uses': new Uint8Array([0xc1]),
  'nothing at all': new Uint8Array(),
  'an array that ends early': new Uint8Array([0x93, 1]),
  'something after the end': new Uint8Array([1, 2]),
  'an array of 20 million in 5 bytes': new Uint8Array([0xdd, 0x01, 0x31, 0x2d, 0x00]),
  'a map of 2^32 - 1': new Uint8Array([0xdf, 0xff, 0xff, 0xff, 0xff]),
  'a string of 2^32 - 1': new Uint8Array([0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]),
  'bytes of 2^32 - 1': new Uint8Array([0xc6, 0xff, 0xff, 0xff, 0xff]),
  'an array in an array, 200,000 deep': new Uint8Array(200_000).fill(0x91),
  'arrays of 65,535 in one another': new Uint8Array(72_000).map((_, at) => (at % 3 === 0 ? 0xdc : 0xff)),
  'invalid UTF-8': new Uint8Array([0xa3, 0xff, 0xfe, 0xfd]),
  'a regular expression that takes for ever': new Uint8Array([
    0xc7,
    14,
    0x78,
    0x92,
    ...str('(a+)+$(a+)'),
    ...str(''),
  ]),
  'an error object': new Uint8Array([0xc7, 10, 0x65, 0x92, ...str('Error'), ...str('no')]),
  'a record definition': new Uint8Array([0x92, 0xd4, 0x72, 0x40, 0x91, ...str('a'), 1, 0x40, 2]),
  'an extension that nobody knows': new Uint8Array([0xd4, 0x2a, 0]),
  'an own key __proto__': new Uint8Array([0x81, ...str('__proto__'), 0x81, ...str('polluted'), 0xc3]),
};

export const hostileBodies = Object.keys(bodies);

/**
 * A codec that encodes every body as one of `bodies`. With `lying` its messages say that they are core's own MessagePack,
 * as a process that speaks the link protocol by itself could.
 */
export function hostileCodec(name: string, lying: boolean): Codec {
  let encoded = false;
  return {
    name: 'hostile',
    get id() {
      return lying && encoded ? 0 : 3;
    },
    encode: () => {
      encoded = true;
      return new Uint8Array(bodies[name] as Uint8Array);
    },
    decode: (bytes) => bytes,
    verify: () => undefined,
  };
}
