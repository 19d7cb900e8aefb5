import { rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  FrameKind,
  type Inbox,
  InboxLinks,
  type Link,
  type LinkHandler,
  type Outbox,
  type OutboxEvents,
  PACKET_HEAD,
  PigeonholeError,
  type Port,
  type PortContext,
} from '@pigeonhole/core/transport';
import { FifoReader, FifoWriter, makeFifo } from '@pigeonhole/native';
import { FRAME_HEAD, FrameReader, MAX_PAYLOAD, writeHead } from './frames.js';

const READ_SIZE = 65_536;
/** What an inbox is to hold: the most that the system gives a user by default. */
const CAPACITY = 2 ** 20;
/** Of each link, so that a dozen busy ones do not fill an inbox: in one that is full, word that a message was taken has to wait, and the call with it. */
const WINDOW = 65_536;

/** The inbox of a process, a FIFO, and the links with others through it and theirs. */
export class FifoPort implements Port, Inbox {
  readonly transport = 'fifo';
  readonly frameHead = FRAME_HEAD;
  readonly maxPayload = MAX_PAYLOAD - PACKET_HEAD;
  readonly window = WINDOW;
  readonly writeHead = writeHead;
  private readonly links = new InboxLinks(this);
  private readonly frames = new FrameReader(
    READ_SIZE,
    (kind, stream) => kind === FrameKind.introduction || this.links.knows(stream),
    ({ kind, stream, sequence, payload, more }) => this.links.take(kind, stream, sequence, payload, more),
  );
  private reader!: FifoReader;

  private constructor(
    readonly address: string,
    readonly context: PortContext,
  ) {}

  static async open(context: PortContext): Promise<FifoPort> {
    const path = context.path('fifo');
    const staging = context.staging(path);
    const port = new FifoPort(path, context);
    makeFifo(staging);
    try {
      // Read before it is found: a FIFO that nobody reads is one whose process is dead.
      port.reader = new FifoReader(staging, (bytes) => port.frames.take(bytes), {
        bufferBytes: READ_SIZE,
        capacity: CAPACITY,
        onError: (error) => context.warn(error),
      });
      await rename(staging, path);
    } catch (error) {
      port.reader?.close();
      await rm(staging, { force: true });
      if (error instanceof PigeonholeError) throw error;
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `cannot make the inbox ${path}: ${(error as Error).message}`,
        {
          address: path,
          cause: error,
          transport: 'fifo',
        },
      );
    }
    return port;
  }

  async connect(address: string, handler: LinkHandler): Promise<Link> {
    if (!this.isPeer(address))
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `cannot connect to ${address}: it is no inbox in ${dirname(this.address)}`,
        { address, transport: 'fifo' },
      );
    return this.links.connect(address, handler);
  }

  close(): Promise<void> {
    return this.links.close(() => rm(this.address, { force: true }));
  }

  // For the links

  isPeer(path: string): boolean {
    return dirname(path) === dirname(this.address) && /^[0-9a-f]{16}\.fifo$/.test(basename(path));
  }

  open(address: string, { room, gone }: OutboxEvents): Outbox {
    const writer = new FifoWriter(address, { onRoom: room, onGone: gone });
    writer.watch();
    return {
      write(head, body, start, end) {
        const written = writer.write(head, body, start, end);
        if (!written) writer.awaitRoom();
        return written;
      },
      close: () => writer.close(),
    };
  }

  drain(): void {
    this.reader.drain(CAPACITY);
  }

  done(): void {
    this.reader.close();
  }
}
