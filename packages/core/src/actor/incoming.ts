import { PigeonholeError } from '../errors.js';
import { subscriberOf } from '../naming.js';
import { systemClock } from './clock.js';
import { STRANGER_PATIENCE } from './control.js';
import { Control, decodeError, isCount, isIncarnation } from './protocol.js';
import { RemoteError } from './remote-error.js';
import type { ActorSystem } from './system.js';
import type { Turn } from './turn.js';

/** So many messages of processes that are not known yet are kept; of more the oldest go. */
const EARLY = 1024;

/** What comes to the control mailbox of this runtime, and the turns that it is about. */
export class Incoming {
  /** Turns whose caller knows that this process works on them. */
  private readonly working = new Map<string, Turn>();
  /** A store may be quicker than the news of who has joined. */
  private readonly early: { readonly from: string; readonly body: unknown }[] = [];

  constructor(private readonly system: ActorSystem) {}

  remember(turn: Turn): void {
    this.working.set(`${turn.request.replyTo} ${turn.request.id}`, turn);
  }

  forget(turn: Turn): void {
    this.working.delete(`${turn.request.replyTo} ${turn.request.id}`);
  }

  /** Somebody has come: perhaps who sent what nobody known had sent. */
  peerUp(): void {
    for (const { from, body } of this.early.splice(0)) this.take(from, body);
  }

  /** A process that may have asked is gone. */
  peerDown(incarnation: string, process: string): void {
    for (const turn of [...this.working.values()])
      if (turn.request.replyTo === incarnation)
        turn.abandon(new PigeonholeError('ERR_PEER_DOWN', `process '${process}', which asked, has ended`));
  }

  /** Anybody of the namespace may write here: what does not fit is passed over. */
  take(from: string, body: unknown): void {
    if (!Array.isArray(body)) return;
    const kind: unknown = body[0];
    const id: unknown = body[1];
    const value: unknown = body[2];
    if (!isCount(id)) return;
    if (
      kind === Control.reply ||
      kind === Control.error ||
      kind === Control.working ||
      kind === Control.value ||
      kind === Control.end
    )
      this.answered(kind, id, value, from);
    else if (kind === Control.watching) this.watching(id, value);
    else if (kind === Control.terminated) this.terminated(id, value, body[3]);
    else if (!this.heeded(kind, id, body, from)) this.keep(from, body);
  }

  private keep(from: string, body: unknown): void {
    this.early.push({ from, body });
    if (this.early.length > EARLY) this.early.shift();
  }

  private incarnationOf(process: string): string | null {
    if (process === this.system.runtime.name) return this.system.incarnation;
    return this.system.runtime.peers().find((peer) => peer.name === process)?.incarnation ?? null;
  }

  private answered(kind: number, id: number, value: unknown, from: string): void {
    const { system } = this;
    if (kind === Control.working && !isIncarnation(value)) return;
    const reading = system.readings.get(id);
    if (reading !== undefined) reading.take(kind, value);
    else if (system.asks.take(kind, id, value)) return;
    else if (kind === Control.working) system.control.post(value as string, [Control.cancel, id]);
    else if (kind === Control.value) {
      const worker = this.incarnationOf(from);
      if (worker !== null) system.control.post(worker, [Control.cancel, id]);
    }
  }

  private watching(id: number, worker: unknown): void {
    const { watches, control } = this.system;
    if (!isIncarnation(worker)) return;
    if (!watches.inPlace(id, worker)) control.post(worker, [Control.unwatch, id]);
    // It may have died before it was known whom to mourn.
    else if (this.system.isDead(worker)) watches.down(worker);
    else if (!this.knows(worker))
      systemClock
        .after(STRANGER_PATIENCE, () => {
          if (!this.knows(worker)) watches.down(worker);
        })
        .hold(false);
  }

  private knows(incarnation: string): boolean {
    const { runtime, incarnation: own } = this.system;
    return incarnation === own || runtime.peers().some((peer) => peer.incarnation === incarnation);
  }

  private terminated(id: number, reason: unknown, error: unknown): void {
    this.system.watches.end(
      id,
      reason === 'crashed' ? 'crashed' : 'stopped',
      error === null || error === undefined ? undefined : new RemoteError('', decodeError(error)),
    );
  }

  /** False when who sent it is not known yet. */
  private heeded(kind: unknown, id: number, body: readonly unknown[], from: string): boolean {
    if (kind === Control.subscribe || kind === Control.unsubscribe) return this.subscribed(kind, body, from);
    const asker = this.incarnationOf(from);
    if (asker === null) return false;
    if (kind === Control.unwatch) this.system.unwatch(asker, id);
    const turn = this.working.get(`${asker} ${id}`);
    if (kind === Control.cancel) turn?.abandon(new PigeonholeError('ERR_CLOSED', 'the caller has given up'));
    else if (kind === Control.credit && isCount(body[2])) turn?.onCredit?.(body[2]);
    return true;
  }

  private subscribed(kind: number, body: readonly unknown[], from: string): boolean {
    const { runtime, incarnation: own, topics } = this.system;
    const [, , topic, mailbox, overflow] = body;
    if (typeof topic !== 'string' || typeof mailbox !== 'string') return true;
    const incarnation = subscriberOf(mailbox, topic);
    if (incarnation === null || incarnation === own || this.system.isDead(incarnation)) return true;
    const subscriber = runtime.peers().find((peer) => peer.incarnation === incarnation);
    // A process has something to say of its own subscriptions only.
    if (subscriber?.name === from) topics.take(kind, incarnation, topic, mailbox, overflow);
    return subscriber !== undefined;
  }
}
