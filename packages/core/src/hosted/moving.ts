import { PigeonholeError } from '../errors.js';
import type { Envelope, Selector } from '../message.js';
import type { Channel, SendAtOnce } from '../transport.js';
import { ReceiveOperation, type SendOperation } from '../waiters.js';
import { OperationList } from '../waiting.js';

/** How long the first, and at most how long any, pause between two tries to reach a mailbox is (milliseconds). */
const FIRST_PAUSE = 2;
const LONGEST_PAUSE = 200;

/** What one try to reach the mailbox brought. */
export type Reached =
  | { readonly channel: Channel }
  /** Nobody has it. Tried again when `seek()` is called. */
  | 'nobody'
  /** The holder is just changing: try again after a pause. */
  | 'changing';

/**
 * A channel whose other end appears, moves and vanishes. While there is none, blocking operations wait here, in order, under
 * their own timeouts; a `try` waits only until it is known that nobody is there.
 *
 * ```
 *            seek()            reach → channel
 *   idle ───────────▶ seeking ────────────────▶ attached
 *    ▲                  │                          │
 *    └── reach: nobody ─┘ ◀───── lost(operations) ─┘
 * ```
 */
export class MovingChannel implements Channel {
  private target: Channel | null = null;
  private readonly sends = new OperationList<SendOperation>();
  private readonly receives = new OperationList<ReceiveOperation>();
  private seeking: Promise<void> | null = null;
  private again = false;
  private refusal: unknown;
  private closedBy: (() => Error) | null = null;

  /** `reach` finds the present holder and may throw what makes this mailbox unusable as it was opened. */
  constructor(private readonly reach: () => Promise<Reached>) {}

  get capacity(): Channel['capacity'] {
    return this.target?.capacity;
  }

  get attachedTo(): Channel | null {
    return this.target;
  }

  get sendAtOnce(): SendAtOnce | undefined {
    return this.target?.sendAtOnce;
  }

  /** Nothing waits here, and nothing is looked for. */
  get idle(): boolean {
    return this.seeking === null && this.sends.size + this.receives.size === 0;
  }

  /** Resolves when nothing is looked for any more. */
  async rest(): Promise<void> {
    await this.seeking?.catch(() => {});
  }

  send(operation: SendOperation): void {
    if (this.target !== null) return this.target.send(operation);
    if (this.closedBy !== null) return operation.fail(this.closedBy());
    this.sends.push(operation);
    this.look();
  }

  receive(operation: ReceiveOperation): void {
    if (this.target !== null) return this.target.receive(operation);
    if (this.closedBy !== null) return operation.fail(this.closedBy());
    this.receives.push(operation);
    this.look();
  }

  take(selector: Selector | null, blocking: boolean): Envelope | null {
    return this.target?.take?.(selector, blocking) ?? null;
  }

  takeMany(selector: Selector | null, max: number, each: (envelope: Envelope) => void): void {
    this.target?.takeMany?.(selector, max, each);
  }

  cancelSend(operation: SendOperation): void {
    if (operation.list === (this.sends as unknown)) operation.withdrawn();
    else this.target?.cancelSend(operation);
  }

  cancelReceive(operation: ReceiveOperation): void {
    if (operation.list === (this.receives as unknown) || this.target === null) operation.withdrawn();
    else this.target.cancelReceive(operation);
  }

  /**
   * Looks for the holder unless attached. Resolves when it is attached or known that nobody is there; rejects with what
   * makes the mailbox unusable as it was opened (`ERR_CAPACITY_MISMATCH`, …).
   */
  async seek(): Promise<void> {
    if (this.target !== null || this.closedBy !== null) return;
    this.again = true;
    this.seeking ??= this.run();
    await this.seeking;
    if (this.target === null && this.refusal !== undefined) throw this.refusal;
  }

  /** `seek`, for those who have their answer through an operation. */
  look(): void {
    this.seek().catch(() => {});
  }

  /** The target is gone. What it had not finished goes on here, before everything that came since. */
  lost(target: Channel, sends: SendOperation[], receives: ReceiveOperation[]): void {
    if (this.target !== target && this.target !== null) return;
    this.target = null;
    requeue(this.sends, sends);
    requeue(this.receives, receives);
    if (this.closedBy !== null) this.close(this.closedBy);
    else this.look();
  }

  /** Fails what waits here and refuses everything to come; the target is the owner's business. */
  close(reason: () => Error): void {
    this.closedBy = reason;
    for (const operation of this.sends.drain()) operation.fail(reason());
    for (const operation of this.receives.drain()) operation.fail(reason());
    this.target = null;
  }

  private async run(): Promise<void> {
    let pause = FIRST_PAUSE;
    try {
      while (this.again && this.target === null && this.closedBy === null) {
        this.again = false;
        let reached: Reached;
        try {
          reached = await this.reach();
        } catch (error) {
          this.refuse(error);
          continue;
        }
        this.refusal = undefined;
        if (reached === 'nobody') this.answerTries();
        else if (reached === 'changing') {
          this.again = true;
          await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
          pause = Math.min(pause * 2, LONGEST_PAUSE);
        } else if (this.closedBy === null) this.attach(reached.channel);
      }
    } finally {
      // In one step with the last look at `again`: a caller that was just answered calls again before any reaction to the end.
      this.seeking = null;
    }
  }

  private attach(target: Channel): void {
    this.target = target;
    for (const operation of this.receives.drain()) target.receive(operation);
    for (const operation of this.sends.drain()) target.send(operation);
  }

  private refuse(error: unknown): void {
    this.refusal =
      error instanceof PigeonholeError
        ? error
        : new PigeonholeError('ERR_TRANSPORT', String(error), { cause: error });
    for (const operation of this.sends.drain()) operation.fail(this.refusal);
    for (const operation of this.receives.drain()) operation.fail(this.refusal);
  }

  private answerTries(): void {
    for (const operation of this.sends.drain()) {
      if (operation.wait) this.sends.push(operation);
      else operation.refused();
    }
    for (const operation of this.receives.drain()) {
      if (operation.wait) this.receives.push(operation);
      else operation.empty();
    }
  }
}

function requeue<T extends SendOperation | ReceiveOperation>(list: OperationList<T>, earlier: T[]): void {
  const later = list.drain();
  for (const operation of earlier) {
    if (operation.settled) continue;
    // Whoever could have said that it was too late is gone; and what has been taken must not wait for more.
    if (operation.cancelling) operation.withdrawn();
    else if (operation instanceof ReceiveOperation && operation.begun) operation.empty();
    else list.push(operation);
  }
  for (const operation of later) list.push(operation);
}
