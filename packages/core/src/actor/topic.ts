import { checkCapacity, type MailboxAddress, mailbox } from '../address.js';
import { checkOptions } from '../call-options.js';
import { PigeonholeError } from '../errors.js';
import { checkName, subscriptionName } from '../naming.js';
import type { Sender } from '../sender.js';
import type { WaitOptions } from '../waiting.js';
import { optionError } from './option-error.js';
import { Control } from './protocol.js';
import { Subscription } from './subscription.js';
import type { ActorSystem } from './system.js';

/** Something that is published to whoever subscribes. Made by `topic()`; plain data. */
export interface TopicAddress<T = unknown> {
  readonly kind: 'topic';
  readonly name: string;
  /** Never there: carries the type. */
  readonly body?: T;
}

/** Its name, an incarnation and a number make the name of a subscriber's mailbox. */
const LONGEST_NAME = 90;

/** Names a topic. Throws `ERR_NAME`. */
export function topic<T = unknown>(name: string): TopicAddress<T> {
  checkName(name, 'mailbox');
  if (name.length > LONGEST_NAME)
    throw new PigeonholeError(
      'ERR_NAME',
      `topic name has ${name.length} characters; it may have ${LONGEST_NAME}`,
      {
        address: name,
      },
    );
  return Object.freeze({ kind: 'topic' as const, name });
}

/**
 * What happens to a message for which a subscriber's mailbox has no place: the publisher waits; its `publish` fails (the others get
 * the message); the oldest that lies there goes; the new one goes.
 */
export type Overflow = 'wait' | 'fail' | 'drop-oldest' | 'drop-newest';
const overflows: readonly unknown[] = ['wait', 'fail', 'drop-oldest', 'drop-newest'];

export interface SubscribeOptions {
  overflow: Overflow;
  /** Messages that may lie in this subscriber's mailbox. Default 1024. */
  capacity?: number;
}

/** What became of one message. */
export interface PublishReport {
  /** Subscribers whose mailboxes have it. */
  readonly accepted: number;
  /** Those that had no place and whose policy is to drop. */
  readonly dropped: number;
}

interface Subscriber {
  readonly incarnation: string;
  readonly mailbox: string;
  readonly overflow: Overflow;
  readonly sender: Sender<unknown>;
}

/** The topics of one runtime: its own subscriptions, and those of others that it knows of. */
export class Topics {
  private readonly subscribers = new Map<string, Map<string, Subscriber>>();
  private readonly own = new Map<string, { readonly topic: string; readonly overflow: Overflow }>();
  private count = 0;

  constructor(private readonly system: ActorSystem) {}

  async subscribe<T>({ name }: TopicAddress<T>, options: SubscribeOptions): Promise<Subscription<T>> {
    checkOptions(options, ['overflow', 'capacity'], `subscribe to topic '${name}'`);
    const { overflow, capacity = 1024 } = options;
    const of = `of a subscription to topic '${name}'`;
    if (!overflows.includes(overflow)) throw optionError('overflow', of, overflow, overflows.join(', '));
    if (checkCapacity(capacity, `a subscription to topic '${name}'`) === 0 && overflow === 'drop-oldest')
      throw optionError('capacity', of, capacity, "1 or more with overflow 'drop-oldest'");
    const address: MailboxAddress<T> = mailbox(
      subscriptionName(name, this.system.incarnation, ++this.count),
      { capacity },
    );
    const receiver = await this.system.runtime.receiver(address);
    await this.system.control.open();
    this.own.set(address.name, { topic: name, overflow });
    this.add(this.system.incarnation, name, address.name, overflow);
    for (const { incarnation } of this.system.runtime.peers()) this.announce(incarnation, address.name);
    return new Subscription(receiver, { capacity, overflow }, () =>
      this.unsubscribe(address.name),
    ) as Subscription<T>;
  }

  private unsubscribe(name: string): void {
    const own = this.own.get(name);
    if (own === undefined) return;
    this.own.delete(name);
    this.remove(own.topic, name);
    for (const { incarnation } of this.system.runtime.peers())
      this.system.control.announce(incarnation, [Control.unsubscribe, 0, own.topic, name]);
  }

  /** A process learns of a subscription now, or when it first has to do with actors or topics. */
  private announce(incarnation: string, name: string): void {
    const own = this.own.get(name);
    if (own === undefined) return;
    this.system.control.announce(incarnation, [Control.subscribe, 0, own.topic, name, own.overflow]);
  }

  peerUp(incarnation: string): void {
    for (const name of this.own.keys()) this.announce(incarnation, name);
  }

  peerDown(incarnation: string): void {
    for (const [name, subscribers] of this.subscribers)
      for (const subscriber of subscribers.values())
        if (subscriber.incarnation === incarnation) this.remove(name, subscriber.mailbox);
  }

  /** What a process says of a subscription of its own. */
  take(kind: number, incarnation: string, name: string, mailbox: string, overflow: unknown): void {
    if (kind === Control.unsubscribe) this.remove(name, mailbox);
    else if (overflows.includes(overflow)) this.add(incarnation, name, mailbox, overflow as Overflow);
  }

  private add(incarnation: string, name: string, address: string, overflow: Overflow): void {
    let subscribers = this.subscribers.get(name);
    if (subscribers === undefined) {
      subscribers = new Map();
      this.subscribers.set(name, subscribers);
    }
    if (subscribers.has(address)) return;
    const sender = this.system.runtime.senderSoon(mailbox(address));
    subscribers.set(address, { incarnation, mailbox: address, overflow, sender });
  }

  private remove(name: string, address: string): void {
    const subscribers = this.subscribers.get(name);
    void subscribers?.get(address)?.sender.close();
    subscribers?.delete(address);
    if (subscribers?.size === 0) this.subscribers.delete(name);
  }

  async publish<T>({ name }: TopicAddress<T>, body: T, options: WaitOptions): Promise<PublishReport> {
    checkOptions(options, ['timeout', 'signal'], `publish to topic '${name}'`);
    const subscribers = [...(this.subscribers.get(name)?.values() ?? [])];
    const outcomes = await Promise.allSettled(subscribers.map((each) => this.put(each, body, options)));
    let [accepted, dropped, full] = [0, 0, 0];
    for (const [at, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') {
        if (outcome.value) accepted++;
        else if ((subscribers[at] as Subscriber).overflow === 'fail') full++;
        else dropped++;
      } else if (!isGone(outcome.reason)) throw outcome.reason;
    }
    if (full === 0) return { accepted, dropped };
    throw new PigeonholeError(
      'ERR_NO_SPACE',
      `topic '${name}': the mailboxes of ${full} subscribers with overflow 'fail' are full; ${accepted} others have the message`,
      { address: name },
    );
  }

  private async put(subscriber: Subscriber, body: unknown, options: WaitOptions): Promise<boolean> {
    if (subscriber.overflow !== 'wait') return subscriber.sender.trySend(body, options);
    await subscriber.sender.send(body, options);
    return true;
  }
}

/** A subscriber that ends while it is sent to needs no message. */
function isGone(reason: unknown): boolean {
  const { code } = reason as { code?: unknown };
  return code === 'ERR_CLOSED' || code === 'ERR_OUTCOME_UNKNOWN';
}
