import { Control } from './protocol.js';
import type { ActorSystem } from './system.js';
import type { Turn } from './turn.js';

/** The producing side of a stream: draws from the generator only while the reader has room. */
export class Producing {
  private credit: number;
  private wake: (() => void) | null = null;
  private over = false;

  constructor(
    private readonly turn: Turn,
    private readonly values: AsyncIterator<unknown>,
    private readonly system: ActorSystem,
  ) {
    this.credit = turn.request.credit;
  }

  /** Resolves when the stream has ended or nobody reads it any more; rejects with what the generator throws. */
  async run(): Promise<void> {
    const { turn } = this;
    turn.announce();
    turn.onAbort = () => this.stop();
    turn.onCredit = (count) => this.grant(count);
    if (turn.aborted) this.stop();
    while (!this.over) {
      if (this.credit === 0) await this.room();
      if (this.over) return;
      const next = await this.values.next();
      if (this.over) return;
      const { replyTo, id } = turn.request;
      if (next.done) {
        turn.answered = true;
        this.system.control.post(replyTo, [Control.end, id]);
        return;
      }
      this.credit--;
      this.system.control.post(replyTo, [Control.value, id, next.value], (error) => {
        turn.refuse(error);
        this.stop();
      });
    }
  }

  private grant(count: number): void {
    this.credit += count;
    this.wake?.();
  }

  private room(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = null;
        resolve();
      };
    });
  }

  /** Lets the generator run its `finally`, once it is at a `yield`; it may be waiting for something that looks at `ctx.signal`. */
  private stop(): void {
    if (this.over) return;
    this.over = true;
    this.wake?.();
    Promise.resolve(this.values.return?.()).catch((error: unknown) =>
      this.system.runtime.warn(error instanceof Error ? error : new Error(String(error))),
    );
  }
}
