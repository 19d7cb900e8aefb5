/** An attacker's end of a link: a bare socket that keeps to the protocol exactly as far as a test wants. */
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import { frame, type KindName, kind, MAGIC, type RawFrame, RawReader } from './raw-frames.js';

export interface Hello {
  readonly namespace?: unknown;
  readonly name?: unknown;
  readonly incarnation?: unknown;
  readonly to?: unknown;
}

/** What the other side says when it breaks the link. */
export interface Told {
  readonly code: string;
  readonly message: string;
}

export class RawLink {
  readonly frames: RawFrame[] = [];
  /** Everything that came, for what is not frames. */
  received = Buffer.alloc(0);
  /** The other side has said that it will send no more. */
  ended = false;
  closed = false;
  private readonly reader = new RawReader();

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      if (this.received.length < 2 ** 20) this.received = Buffer.concat([this.received, chunk]);
      this.frames.push(...this.reader.push(chunk));
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('error', () => {});
  }

  /** `polite`: closes when the other side does; else it clings to the connection as long as it is let. */
  static connect(path: string, { polite = true } = {}): Promise<RawLink> {
    const attempt = (): Promise<RawLink | null> =>
      new Promise((resolve, reject) => {
        const socket = connect({ path, allowHalfOpen: !polite });
        onTestFinished(() => void socket.destroy());
        // A full backlog (unix(7)): the other side has not got round to it.
        socket.once('error', (error: NodeJS.ErrnoException) =>
          error.code === 'EAGAIN' ? resolve(null) : reject(error),
        );
        socket.once('connect', () => resolve(new RawLink(socket)));
      });
    return until(attempt, `a connection to ${path}`);
  }

  write(...pieces: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(pieces));
  }

  hello(hello: Hello, { magic = MAGIC, version = 1 } = {}): void {
    this.write(helloFrame(hello, { magic, version }));
  }

  /** The frames of a kind that have come. */
  all(of: KindName): RawFrame[] {
    return this.frames.filter((each) => each.kind === kind[of]);
  }

  /** Waits for `count` frames of a kind; the last of them. */
  async next(of: KindName, count = 1): Promise<RawFrame> {
    await until(() => this.all(of).length >= count || this.ended, `${count} ${of} frames`);
    const found = this.all(of)[count - 1];
    if (found === undefined)
      throw new Error(`the link ended without ${of}: ${JSON.stringify(this.told ?? null)}`);
    return found;
  }

  /** What an error frame said. */
  get told(): Told | undefined {
    const error = this.all('error')[0];
    return error === undefined ? undefined : (JSON.parse(error.rest.toString()) as Told);
  }

  /** Waits for the other side to end the link, and returns what it said before. */
  async broken(what: string): Promise<Told> {
    await until(() => this.ended || this.closed, `the link to be ended after ${what}`);
    if (this.told === undefined) throw new Error(`the link ended without a word after ${what}`);
    return this.told;
  }

  get json(): Record<string, unknown>[] {
    return this.frames.map(({ rest }) => JSON.parse(rest.toString()) as Record<string, unknown>);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

export function helloFrame(hello: object, { magic = MAGIC, version = 1 } = {}): Buffer {
  return frame('hello', magic, version, hello);
}
