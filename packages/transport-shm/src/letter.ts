import { Buffer } from 'node:buffer';
import { type Codec, type CodecLimits, decodeUnverified, type Envelope } from '@pigeonhole/core/transport';

/** Numbers that describe one message (`ShmBuffers.frames`), and which is which. */
export const FRAME = 9;
export const Field = {
  /** Of a send or a receive that waits. */
  handle: 0,
  /** Of a claim: 1 if its body is in `incoming`. */
  passed: 0,
  length: 1,
  codec: 2,
  type: 3,
  priority: 4,
  sentAt: 5,
  lane: 6,
  identity: 7,
  order: 8,
} as const;

/** A message whose body lies in memory that the next message will use, unless it is the message's `own`. */
export class Letter implements Envelope {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly start: number,
    readonly length: number,
    readonly from: string,
    readonly codec: number,
    readonly type: number,
    readonly priority: number,
    readonly sentAt: number,
    private readonly own: boolean,
  ) {}

  get body(): Uint8Array {
    return this.bytes.subarray(this.start, this.start + this.length);
  }

  decodedBy(codec: Codec, limits: CodecLimits): unknown {
    if (this.own && codec.adopt !== undefined) return codec.adopt(this.bytes);
    if (codec.decodeChecked !== undefined)
      return codec.decodeChecked(this.bytes, limits, this.start, this.start + this.length);
    return decodeUnverified(Buffer.from(this.body), codec, limits);
  }
}
