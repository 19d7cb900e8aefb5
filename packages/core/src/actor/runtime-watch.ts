import type { Termination, Watches } from './watch.js';

/** A watch that a program holds, outside any actor. */
export class RuntimeWatch {
  /** Resolves once, when the actor ends. Never, after `unwatch`. */
  readonly terminated: Promise<Termination>;
  /** @internal */
  readonly placed: Promise<void>;

  /** @internal */
  constructor(
    private readonly watches: Watches,
    readonly name: string,
  ) {
    let placed = Promise.resolve();
    this.terminated = new Promise((resolve) => {
      placed = watches.watch(name, this, resolve);
    });
    this.placed = placed;
  }

  unwatch(): void {
    this.watches.unwatch(this.name, this);
  }
}
