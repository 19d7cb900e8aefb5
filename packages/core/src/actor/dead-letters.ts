import { type MailboxAddress, mailbox } from '../address.js';
import type { Receiver } from '../receiver.js';
import type { Sender } from '../sender.js';
import { type Headers, Request } from './protocol.js';
import { describeError } from './remote-error.js';
import type { ActorSystem } from './system.js';
import type { Turn } from './turn.js';

/** A message that no handler has dealt with. */
export interface DeadLetter {
  readonly actor: string;
  readonly handler: string;
  readonly arg: unknown;
  /**
   * Its handler threw; nothing there handles it; or the actor stopped or restarted before it was through.
   */
  readonly reason: 'crashed' | 'unhandled' | 'stopped';
  readonly error?: { readonly name: string; readonly message: string; readonly code?: string };
  /** The process that sent it, and the one that could not deal with it. */
  readonly from: string;
  readonly at: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** How often it has been sent again from here. */
  readonly replays: number;
}

/** The one mailbox of a namespace for them; its processes with actors share it, and anybody may receive from it. */
export const deadLetters: MailboxAddress<DeadLetter> = mailbox<DeadLetter>('dead-letters', {
  capacity: 1024,
});

/** Others may be storing too; and a mailbox that was configured to hold nothing never has a place. */
const STORE_TRIES = 100;

/** The dead letters of the namespace, as seen from one runtime. */
export class DeadLetters {
  private receiver: Promise<Receiver<unknown>> | null = null;
  private sender: Sender<unknown> | null = null;
  private storing: Promise<void> = Promise.resolve();
  /** Letters that this runtime had to drop, the oldest first, because there were too many. */
  dropped = 0;

  constructor(private readonly system: ActorSystem) {}

  /** Makes this process one of those that keep them. */
  open(): Promise<Receiver<unknown>> {
    this.receiver ??= this.system.runtime.receiver(deadLetters).catch((error) => {
      this.receiver = null;
      throw error;
    });
    return this.receiver;
  }

  /** @internal */
  add(turn: Turn, actor: string, reason: DeadLetter['reason'], thrown: unknown): void {
    const { handler, arg, headers } = turn.request;
    const { name } = this.system.runtime;
    const described = thrown === undefined ? undefined : describeError(thrown, false);
    const error = described && {
      name: described.name,
      message: described.message,
      ...(described.code === undefined ? {} : { code: described.code }),
    };
    const letter: DeadLetter = {
      actor,
      handler,
      arg,
      reason,
      ...(error === undefined ? {} : { error }),
      from: turn.from,
      at: name,
      time: this.system.clock.wall(),
      replays: headers?.r ?? 0,
    };
    this.storing = this.storing
      .then(() => this.store(letter))
      .catch((cause: unknown) => this.notKept(letter, cause));
  }

  /** Puts one there; of too many the oldest goes. */
  private async store(letter: DeadLetter): Promise<void> {
    const receiver = await this.open();
    this.sender ??= this.system.runtime.senderSoon(deadLetters);
    for (let tries = 0; tries < STORE_TRIES; tries++) {
      if (await this.sender.trySend(letter)) return;
      const oldest = await receiver.tryReceive();
      if (oldest !== null) this.notKept(oldest.body as DeadLetter, undefined);
    }
    this.notKept(letter, undefined);
  }

  private notKept(letter: DeadLetter, cause: unknown): void {
    this.dropped++;
    const { actor, handler, reason } = letter;
    const { logger } = this.system.runtime;
    logger.warn({ actor, handler, reason, err: cause }, `a dead letter of ${actor}.${handler} was not kept`);
  }

  /** Takes up to `max` letters out, oldest first. */
  async take(max = 1024): Promise<DeadLetter[]> {
    await this.storing;
    const receiver = await this.open();
    const letters: DeadLetter[] = [];
    while (letters.length < max) {
      const message = await receiver.tryReceive();
      if (message === null) break;
      letters.push(message.body as DeadLetter);
    }
    return letters;
  }

  /** What lies there, oldest first, and stays there. Letters that come meanwhile may get in front. */
  async list(): Promise<DeadLetter[]> {
    const letters = await this.take();
    for (const letter of letters) await this.store(letter);
    return letters;
  }

  /**
   * Sends letters again to their actors, as `tell`, and takes them out; how many were sent. Those stay that `which` declines, and those
   * whose actor nobody serves or has no place for them. One that fails again is a dead letter again, with one more of `replays`.
   */
  async replay(which: (letter: DeadLetter) => boolean = () => true): Promise<number> {
    let count = 0;
    for (const letter of await this.take()) {
      if (!which(letter)) await this.store(letter);
      else {
        const headers: Headers = { r: letter.replays + 1 };
        const line = this.system.line(letter.actor);
        try {
          await line.send([Request.tell, letter.handler, letter.arg, headers], undefined, false, {});
          count++;
        } catch {
          await this.store(letter);
        }
      }
    }
    return count;
  }

  /** @internal resolves when what was added is stored */
  async flush(): Promise<void> {
    await this.storing;
  }
}
