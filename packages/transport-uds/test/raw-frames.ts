/** The frames of docs/protocol.md, made and read without any of the runtime's own code. */

export const MAGIC = 0x4e474950;

export const kind = {
  hello: 1,
  open: 2,
  opened: 3,
  refused: 4,
  send: 5,
  accept: 6,
  reject: 7,
  cancel: 8,
  pull: 9,
  deliver: 10,
  empty: 11,
  cancelPull: 12,
  taken: 13,
  giveBack: 14,
  progress: 15,
  detach: 16,
  moved: 17,
  adopt: 18,
  adopted: 19,
  ping: 20,
  pong: 21,
  error: 22,
  ask: 23,
  answer: 24,
  news: 25,
} as const;

export type KindName = keyof typeof kind;

export interface RawFrame {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly channel: number;
  readonly number: number;
  readonly rest: Buffer;
}

/** `abc`: the bytes a, b and c. */
export function frame(
  of: number | KindName,
  channel = 0,
  number = 0,
  rest: Uint8Array | object = Buffer.alloc(0),
  abc: readonly number[] = [0, 0, 0],
): Buffer {
  const bytes = rest instanceof Uint8Array ? rest : Buffer.from(JSON.stringify(rest));
  const header = Buffer.alloc(16);
  header.writeUInt32LE(12 + bytes.length, 0);
  header.set([typeof of === 'string' ? kind[of] : of, ...abc], 4);
  header.writeUInt32LE(channel, 8);
  header.writeUInt32LE(number, 12);
  return Buffer.concat([header, bytes]);
}

export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32LE(value, 4 * at);
  return bytes;
}

export interface Content {
  readonly body?: Uint8Array;
  readonly codec?: number;
  readonly priority?: number;
  readonly type?: number;
  readonly sentAt?: number;
  readonly wait?: boolean;
}

const NIL = Buffer.from([0xc0]);

function meta({ type = 0, sentAt = 0 }: Content): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE(type, 0);
  bytes.writeDoubleLE(sentAt, 4);
  return bytes;
}

const named = (name: string): Buffer => Buffer.from(`${String.fromCharCode(name.length)}${name}`, 'latin1');

export function sendFrame(channel: number, number: number, content: Content = {}): Buffer {
  const { codec = 0, priority = 0, wait = true, body = NIL } = content;
  return frame('send', channel, number, Buffer.concat([meta(content), body]), [
    codec,
    priority,
    wait ? 0 : 1,
  ]);
}

export function pullFrame(channel: number, number: number, max = 1, wait = true): Buffer {
  return frame('pull', channel, number, u32(max), [0, 0, wait ? 0 : 1]);
}

export function deliverFrame(channel: number, pull: number, delivery: number, content: Content = {}): Buffer {
  const { codec = 0, priority = 0, body = NIL } = content;
  const rest = Buffer.concat([meta(content), u32(delivery, delivery, 0), named('forger'), body]);
  return frame('deliver', channel, pull, rest, [codec, priority, 0]);
}

export function adoptFrame(number: number, mailbox: string, from: string, content: Content = {}): Buffer {
  const { codec = 0, priority = 0, body = NIL } = content;
  const rest = Buffer.concat([meta(content), named(mailbox), named(from), body]);
  return frame('adopt', 0, number, rest, [codec, priority, 0]);
}

/** Cuts what comes into frames. */
export class RawReader {
  private bytes = Buffer.alloc(0);

  push(chunk: Buffer): RawFrame[] {
    this.bytes = Buffer.concat([this.bytes, chunk]);
    const frames: RawFrame[] = [];
    while (this.bytes.length >= 4 && this.bytes.length >= 4 + this.bytes.readUInt32LE(0)) {
      const end = 4 + this.bytes.readUInt32LE(0);
      const [of, a, b, c] = this.bytes.subarray(4, 8) as unknown as [number, number, number, number];
      const [channel, number] = [this.bytes.readUInt32LE(8), this.bytes.readUInt32LE(12)];
      frames.push({ kind: of, a, b, c, channel, number, rest: Buffer.from(this.bytes.subarray(16, end)) });
      this.bytes = this.bytes.subarray(end);
    }
    return frames;
  }
}
