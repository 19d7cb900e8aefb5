export * from '../../src/codec/wire.js';

/** Stands for a value that `Kind` describes, between the walk and msgpackr: `[kind, …]`. */
export class Special {
  constructor(readonly parts: readonly unknown[]) {}
}

/** Stands for bytes to be written as MessagePack `bin`. Refers to the caller's memory: it lives for one `encode`. */
export class Bytes {
  constructor(readonly bytes: Uint8Array) {}
}

/** The bytes of any view, without copying. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
