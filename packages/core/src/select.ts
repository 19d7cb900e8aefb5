import type { BodyOf, Source } from './address.js';
import type { Envelope, Message, Selector } from './message.js';
import type { Channel } from './transport.js';
import { Delivery, ReceiveOperation } from './waiters.js';
import { Operation } from './waiting.js';

/** One of the mailboxes that a `select` waits on. */
export interface Choice {
  readonly source: Source;
  readonly channel: Channel;
  readonly selector: Selector | null;
  open(envelope: Envelope): Message;
}

/** What a `select` took and from which of its sources: one pair for each type of source. */
export type Selected<S extends Source = Source> = S extends Source
  ? { readonly source: S; readonly message: Message<BodyOf<S>> }
  : never;

/** A receive on several channels of which exactly one takes exactly one message. */
export class Selection extends Operation<Selected> {
  private readonly members: Member[] = [];

  /** Asks the channels in turn, beginning at `first`, so that a busy one cannot starve the others. */
  start(choices: readonly Choice[], first: number): void {
    for (let i = 0; i < choices.length && !this.settled; i++) {
      const choice = choices[(first + i) % choices.length] as Choice;
      const member = new Member(this, choice);
      this.members.push(member);
      choice.channel.receive(member);
    }
    if (this.settled) this.withdrawMembers();
  }

  /** @internal */
  won(winner: Member, envelope: Envelope): void {
    const { source } = winner.choice;
    try {
      this.settle({ source, message: winner.choice.open(envelope) } as Selected);
    } catch (error) {
      this.fail(error);
    }
    this.withdrawMembers();
  }

  override fail(error: unknown): void {
    super.fail(error);
    this.withdrawMembers();
  }

  private withdrawMembers(): void {
    for (const member of this.members) if (!member.settled) member.choice.channel.cancelReceive(member);
  }
}

class Member extends ReceiveOperation<void> {
  constructor(
    private readonly selection: Selection,
    readonly choice: Choice,
  ) {
    super(choice.selector, true);
  }

  override get group(): Selection {
    return this.selection;
  }

  deliver(envelope: Envelope): Delivery {
    if (this.settled || this.selection.settled) return Delivery.declined;
    this.settle();
    this.selection.won(this, envelope);
    return Delivery.taken;
  }

  empty(): void {
    this.settle();
  }

  override fail(error: unknown): void {
    if (this.settled) return;
    this.settle();
    this.selection.fail(error);
  }

  override withdrawn(): void {
    this.settle();
  }
}
