import { type Codec, CodecId, type CodecLimits } from '../codec.js';
import type { Envelope } from '../message.js';
import { decodeUnverified } from '../opening.js';

/** A message whose body lies in what a link brought. A view of each body would cost as much as a third of decoding a small one. */
export class Framed implements Envelope {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly start: number,
    private readonly end: number,
    /** Nothing else lies in that memory. */
    private readonly own: boolean,
    readonly codec: number,
    readonly from: string,
    readonly type: number,
    readonly priority: number,
    readonly sentAt: number,
  ) {}

  get length(): number {
    return this.end - this.start;
  }

  get body(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }

  decodedBy(codec: Codec, limits: CodecLimits): unknown {
    const { bytes, start, end } = this;
    // One that typed arrays could not be laid over is copied, or whether they can would depend on how a stream was cut.
    if (this.own && codec.adopt !== undefined && (bytes.byteOffset + start) % 8 === 0)
      return codec.adopt(this.body);
    // That of the application could not be verified where it came in.
    if (codec.id === CodecId.custom) return decodeUnverified(this.body, codec, limits);
    if (codec.decodeRange !== undefined) return codec.decodeRange(bytes, start, end);
    return codec.decode(this.body);
  }
}
