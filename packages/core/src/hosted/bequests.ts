import type { Undelivered } from '../carrier.js';
import { PigeonholeError } from '../errors.js';
import type { Envelope } from '../message.js';
import type { Registry } from '../registry/registry.js';
import type { PeerInfo } from '../transport.js';
import { SendOperation } from '../waiters.js';
import { type HostedMailbox, until, within } from './mailbox.js';
import { Moved } from './served.js';
import type { Session } from './session.js';

/** How long another host may take to confirm that it has what it was handed (milliseconds), where nothing else limits that. */
const PATIENCE = 10_000;

/** What becomes of the messages that a mailbox holds when this process stops hosting it: the next host gets them, ahead of all others. */
export class Bequests {
  constructor(
    private readonly registry: Registry,
    /** So many messages of that mailbox did not get there. */
    private readonly lost: (mailbox: string, messages: number) => void,
    private readonly warn: (error: Error) => void,
  ) {}

  /** Hands all to another process that hosts it, too, and is to go on doing so. */
  giveWay(mailbox: HostedMailbox, to: Session): void {
    const { name } = mailbox.spec;
    void this.attempt(this.registry.release(name));
    mailbox.giveWay(async (left, unanswered) => {
      const adoptions = handOn(name, left, to);
      const lost = unanswered + (await unconfirmed(adoptions, PATIENCE));
      if (lost > 0) this.lost(name, lost);
    });
  }

  /** Stops hosting, and closes what is open of it, by `end`; what nobody has taken over. */
  async giveUp(mailbox: HostedMailbox, end: number): Promise<Undelivered> {
    const { name } = mailbox.spec;
    const hosted = mailbox.queue !== null;
    // A process that is stopped does not answer; half the time is left for the others to inherit.
    const stopping = mailbox.stopHosting(() => new Moved(), until(end) / 2);
    mailbox.channel.close(
      () => new PigeonholeError('ERR_CLOSED', 'the runtime is closed', { address: name }),
    );
    const { left, unanswered, heir } = await stopping;
    if (heir === null || left.length === 0) {
      if (hosted && mailbox.inboxOf === null) await this.attempt(this.registry.release(name));
      return { mailbox: name, count: left.length + unanswered };
    }
    return { mailbox: name, count: unanswered + (await this.bequeath(name, left, heir, end)) };
  }

  /**
   * Hands what a mailbox held to its next host; returns how many of the messages that did not confirm. The heir has all of
   * them before it can own the mailbox, and nobody else can: so they stay ahead of what their senders send it themselves.
   */
  private async bequeath(name: string, left: Envelope[], heir: Session, end: number): Promise<number> {
    const peer = heir.peer as PeerInfo;
    const adoptions = handOn(name, left, heir);
    await within(heir.handled(), until(end) / 2);
    await this.attempt(this.registry.release(name, heir.open ? peer : undefined));
    const failed = await unconfirmed(adoptions, until(end));
    if (failed > 0 && !heir.open) await this.attempt(this.registry.disinherit(name, peer));
    return failed;
  }

  /** What the registry cannot do must not keep the rest from being closed. */
  private async attempt(step: Promise<void>): Promise<void> {
    await step.catch(this.warn);
  }
}

/** Passes accepted messages on to another host. */
function handOn(name: string, left: readonly Envelope[], to: Session): SendOperation[] {
  return left.map((envelope) => {
    const operation = new SendOperation(envelope, true);
    to.channels.adopt(name, operation);
    return operation;
  });
}

/** How many of them the other host has not confirmed within `patience` milliseconds. */
async function unconfirmed(adoptions: readonly SendOperation[], patience: number): Promise<number> {
  await within(Promise.allSettled(adoptions.map((operation) => operation.outcome())), patience);
  return adoptions.filter((operation) => !operation.settled || operation.failed).length;
}
