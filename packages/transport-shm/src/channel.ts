import type {
  Capacity,
  Envelope,
  Lent,
  Ordering,
  ReceiveOperation,
  Selector,
  SendAtOnce,
  SendOperation,
  StoreChannel,
  Waiting,
} from '@pigeonhole/core/transport';
import type { SharedMailbox } from './mailbox.js';

/** One handle's way to the mailbox. */
export class ShmChannel implements StoreChannel {
  readonly sendAtOnce: SendAtOnce;

  constructor(
    private readonly mailbox: SharedMailbox,
    private readonly release: () => Promise<void>,
  ) {
    this.sendAtOnce = mailbox.atOnce;
  }

  get capacity(): Capacity {
    return this.mailbox.capacity;
  }

  get ordering(): Ordering {
    return this.mailbox.ordering;
  }

  send(operation: SendOperation): void {
    this.mailbox.send(operation);
  }

  receive(operation: ReceiveOperation): void {
    this.mailbox.receive(operation);
  }

  take(selector: Selector | null, blocking: boolean): Envelope | null {
    return this.mailbox.atOnce.take(selector, blocking);
  }

  takeMany(selector: Selector | null, max: number, each: (envelope: Envelope) => void): void {
    this.mailbox.atOnce.takeMany(selector, max, each);
  }

  cancelSend(operation: SendOperation): void {
    this.mailbox.cancelSend(operation);
  }

  cancelReceive(operation: ReceiveOperation): void {
    this.mailbox.cancelReceive(operation);
  }

  waitSync(operation: Waiting, timeout: number): void {
    this.mailbox.waitSync(operation, timeout);
  }

  lend(size: number): Lent | null {
    return this.mailbox.lend(size);
  }

  close(): Promise<void> {
    return this.release();
  }
}
