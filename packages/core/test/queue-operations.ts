import type { Envelope } from '../src/message.js';
import type { Queue } from '../src/queue.js';
import { Delivery, type Held, ReceiveOperation, SendOperation } from '../src/waiters.js';

/** A message of a model test: its body's first four bytes are its number. */
export function message(id: number, from: string, type: number, priority: number, length = 4): Envelope {
  const body = Buffer.alloc(length);
  body.writeUInt32LE(id);
  return { body, codec: 0, from, type, priority, sentAt: 0 };
}

export const idOf = ({ body }: Envelope): number => Buffer.from(body).readUInt32LE(0);

/** A receive as the network makes it: what it is given is held until it is settled. */
export class HoldingReceive extends ReceiveOperation<string> {
  readonly held: { id: number; token: Held }[] = [];

  deliver(envelope: Envelope, token: Held): Delivery {
    if (this.settled) return Delivery.declined;
    this.held.push({ id: idOf(envelope), token });
    if (this.held.length === this.max) this.settle('full');
    return Delivery.held;
  }

  empty(): void {
    this.settle('empty');
  }

  override withdrawn(): void {
    this.settle('withdrawn');
  }

  override fail(): void {
    this.settle('failed');
  }
}

/** A receive that keeps what it takes; written here, so that the real ones are tested elsewhere. */
export class TakingReceive extends ReceiveOperation<string> {
  readonly taken: number[] = [];

  deliver(envelope: Envelope): Delivery {
    if (this.settled) return Delivery.declined;
    this.taken.push(idOf(envelope));
    if (this.taken.length === this.max) this.settle('full');
    return Delivery.taken;
  }

  empty(): void {
    this.settle('empty');
  }

  override withdrawn(): void {
    this.settle('withdrawn');
  }

  override fail(): void {
    this.settle('failed');
  }
}

/** A send that tells how it came out, and counts what its tracker is told. */
export class WatchedSend extends SendOperation {
  came: string | null = null;
  received = 0;

  constructor(envelope: Envelope, wait: boolean) {
    super(envelope, wait);
    this.tracker = { received: () => void this.received++ };
  }

  override accepted(): void {
    this.came ??= 'accepted';
    super.accepted();
  }

  override refused(): void {
    this.came ??= 'refused';
    super.refused();
  }

  override withdrawn(): void {
    this.came ??= 'withdrawn';
    this.settle(false);
  }

  override fail(error: unknown): void {
    this.came ??= (error as { code?: string }).code ?? String(error);
    this.settle(false);
  }
}

/** The innards of a queue that its invariants speak of. */
export function innards(queue: Queue): {
  backlog: number[];
  used: number;
  bytes: number;
  senders: number;
  receivers: number;
  indexed: boolean;
} {
  const { backlog, bytes, senders, used } = queue as unknown as {
    backlog: Iterable<{ envelope: Envelope }> & { buckets: unknown };
    bytes: number;
    used: number;
    senders: { size: number };
  };
  return {
    backlog: [...backlog].map(({ envelope }) => idOf(envelope)),
    used,
    bytes,
    senders: senders.size,
    receivers: queue.waitingReceivers,
    indexed: backlog.buckets !== null,
  };
}
