import type { Termination, Watches } from './watch.js';

/** A watch that a program holds, outside any actor. */
export class RuntimeWatch {
  /** Resolves once, when the actor ends; rejects with `ERR_CLOSED` when this runtime closes before. Never, after `unwatch`. */
  readonly terminated: Promise<Termination>;
  /** @internal */
  readonly placed: Promise<void>;

  /** @internal */
  constructor(
    private readonly watches: Watches,
    readonly name: string,
  ) {
    let placed = Promise.resolve();
    this.terminated = new Promise((ended, closed) => {
      placed = watches.watch(name, this, { ended, closed });
    });
    this.terminated.catch(() => {}); // whoever does not look at it need not hear that the runtime closed
    this.placed = placed;
  }

  unwatch(): void {
    this.watches.unwatch(this.name, this);
  }
}
