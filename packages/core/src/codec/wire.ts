/**
 * What MessagePack alone cannot say, and how it is said: one extension, its payload written in place as an array
 * whose first element tells the kind. Nothing else of MessagePack's extension space is used, except fixext 1 type 0
 * for `undefined`.
 *
 * ```
 *   d4 7e 00  9n kk …        fixext 1, type 126, filler, then an array of n elements starting with kind kk
 *
 *   map             [0, key, value, key, value, …]
 *   set             [1, value, value, …]
 *   object          [2, bin key, value, bin key, value, …]     keys in UTF-16LE
 *   text            [3, bin]                                   UTF-16LE
 *   date            [4, number]                                ms since the epoch, NaN for an invalid Date
 *   view            [5, code, bin]                             a position in `viewNames`; the host's byte order
 *   positiveBigint  [6, bin]                                   magnitude, big-endian; beyond 64 bits
 *   negativeBigint  [7, bin]                                   the same
 *   negativeZero    [8]
 * ```
 *
 * 126 is one of the numbers that MessagePack leaves to applications, and none that its libraries are known to use.
 */
export const EXTENSION = 126;

export const Kind = {
  map: 0,
  set: 1,
  object: 2,
  text: 3,
  date: 4,
  view: 5,
  positiveBigint: 6,
  negativeBigint: 7,
  negativeZero: 8,
} as const;

interface View {
  readonly name: string;
  /** Bytes of one element. */
  readonly size: number;
  /** Whether this Node.js has it. */
  readonly known: boolean;
  /** Takes over `bytes`, which fill their buffer. */
  readonly from: (bytes: Uint8Array) => unknown;
}

type TypedArrayClass = { new (buffer: ArrayBufferLike): ArrayBufferView; readonly BYTES_PER_ELEMENT: number };

const typedArray = (
  name: string,
  viewClass: TypedArrayClass | undefined,
  size = viewClass?.BYTES_PER_ELEMENT,
): View => ({
  name,
  size: size ?? 1,
  known: viewClass !== undefined,
  from: (bytes) => viewClass && new viewClass(bytes.buffer),
});

/** By code. A code is part of the format: append, never reorder. */
export const views: readonly View[] = [
  typedArray('Uint8Array', Uint8Array),
  typedArray('Uint8ClampedArray', Uint8ClampedArray),
  typedArray('Int8Array', Int8Array),
  typedArray('Int16Array', Int16Array),
  typedArray('Uint16Array', Uint16Array),
  typedArray('Int32Array', Int32Array),
  typedArray('Uint32Array', Uint32Array),
  typedArray('Float32Array', Float32Array),
  typedArray('Float64Array', Float64Array),
  typedArray('BigInt64Array', BigInt64Array),
  typedArray('BigUint64Array', BigUint64Array),
  { name: 'DataView', size: 1, known: true, from: (bytes) => new DataView(bytes.buffer) },
  { name: 'ArrayBuffer', size: 1, known: true, from: (bytes) => bytes.buffer },
  // From Node 24 on. A receiver without it refuses the frame.
  typedArray('Float16Array', (globalThis as { Float16Array?: TypedArrayClass }).Float16Array, 2),
];

/** V8's largest bigint: 2^30 bits. */
export const MAX_BIGINT_BYTES = 2 ** 27;
