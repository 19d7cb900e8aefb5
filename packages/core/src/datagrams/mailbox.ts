import type { Capacity, Ordering } from '../address.js';
import { PigeonholeError } from '../errors.js';
import { MovingChannel, type Reached } from '../hosted/moving.js';
import { Queue } from '../queue.js';
import { DEFAULT_CAPACITY } from '../spec.js';
import type { Channel, DatagramPort, MailboxSpec, PeerInfo } from '../transport.js';
import type { ReceiveOperation, SendOperation } from '../waiters.js';
import { encodeHeader } from './format.js';

/** A mailbox (or inbox) over datagrams as this process has it: its own queue, or the way to the process that has it. */
export class DatagramMailbox {
  readonly channel: MovingChannel;
  /** Handles that receive, and all handles. */
  receivers = 0;
  users = 0;
  queue: Queue | null = null;
  /** Messages that came and found no place. */
  dropped = 0;
  private capacity: Capacity | undefined;
  private ordering: Ordering | undefined;

  constructor(
    readonly name: string,
    private readonly maxBytes: number,
    reach: (mailbox: DatagramMailbox) => Promise<Reached>,
  ) {
    this.channel = new MovingChannel(() => reach(this));
  }

  get ownCapacity(): Capacity | undefined {
    return this.queue?.capacity ?? this.capacity;
  }

  /** What a handle expects it to be. Only the process that receives has a say. */
  wish({ capacity, ordering }: Pick<MailboxSpec, 'capacity' | 'ordering'>): void {
    this.capacity ??= capacity;
    this.ordering ??= ordering;
  }

  host(): Queue {
    this.queue ??= new Queue(
      this.name,
      this.capacity ?? DEFAULT_CAPACITY,
      this.ordering ?? 'fifo',
      this.maxBytes,
    );
    return this.queue;
  }
}

/** Fires each message at the process that has the mailbox; accepted is what the kernel took. */
export class DatagramTarget implements Channel {
  readonly capacity = undefined;
  private readonly address: string;

  constructor(
    private readonly port: DatagramPort,
    readonly peer: PeerInfo,
    private readonly mailbox: string,
    private readonly incarnation: string,
    private readonly transport: string,
  ) {
    this.address = peer.ports[transport] as string;
  }

  send(operation: SendOperation): void {
    const { envelope } = operation;
    const header = encodeHeader(this.mailbox, this.incarnation, envelope);
    const length = header.length + envelope.body.length;
    if (length > this.port.maxBytes)
      return operation.fail(
        new PigeonholeError(
          'ERR_TOO_LARGE',
          `a message of ${envelope.body.length} bytes does not fit a datagram: with its header it has ${length}, and the most is ` +
            `${this.port.maxBytes}; send less, or take a transport that divides messages`,
          { transport: this.transport, address: this.mailbox },
        ),
      );
    this.port.send(this.address, [header, envelope.body], (error) => {
      if (error === null) operation.accepted();
      else operation.fail(error);
    });
  }

  receive(operation: ReceiveOperation): void {
    operation.fail(onlyOne(this.mailbox, this.peer.name, this.transport));
  }

  /** The kernel answers in this turn or the next: then it is known what came of it. */
  cancelSend(): void {}

  cancelReceive(operation: ReceiveOperation): void {
    operation.withdrawn();
  }
}

export function onlyOne(mailbox: string, host: string, transport: string): PigeonholeError {
  return new PigeonholeError(
    'ERR_UNSUPPORTED',
    `mailbox '${mailbox}' is received by process '${host}', and over transport '${transport}' by one process only; receive there, or take ` +
      'a transport that is reliable',
    { transport, address: mailbox },
  );
}
