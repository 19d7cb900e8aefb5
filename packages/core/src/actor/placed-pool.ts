import type { Child, Parent } from './local-actor.js';
import { PlacedActor, type Placing } from './placement.js';

/** Milliseconds that the turns of the others may take when one part has stopped. */
const PATIENCE = 5_000;

/**
 * A pool whose instances are spread over several processes or threads. Each part has its own instances, always the same ones, and is
 * started again by itself; as its process is proved to be dead by then, no instance is ever served twice. A part that has
 * failed for good takes the others along, and with keys so does one that has stopped: what is for its instances would wait for ever.
 */
export class PlacedPool implements Child, Parent {
  readonly name: string;
  private readonly parts: readonly PlacedActor[];
  private left: number;
  private over = false;
  private failed = false;
  private stopping: Promise<void> | null = null;

  constructor(
    private readonly placing: Placing,
    count: number,
    private readonly parent: Parent | null,
  ) {
    this.name = placing.name;
    this.left = count;
    this.parts = Array.from(
      { length: count },
      (_, index) => new PlacedActor(placing, this, { index, of: count }),
    );
  }

  /** Resolves when every part takes messages; rejects, with nothing left, when one cannot be started. */
  async start(): Promise<void> {
    const started = await Promise.allSettled(this.parts.map((part) => part.start()));
    for (const outcome of started)
      if (outcome.status === 'rejected') {
        await this.stop(0);
        throw outcome.reason;
      }
  }

  stop(deadline: number): Promise<void> {
    this.stopping ??= this.stopAll(deadline);
    return this.stopping;
  }

  private async stopAll(deadline: number): Promise<void> {
    await Promise.all(this.parts.map((part) => part.stop(deadline)));
    this.end();
  }

  restart(delay: number): void {
    for (const part of this.parts) part.restart(delay);
  }

  /** One part has failed for good. */
  crashed(error: unknown): void {
    if (this.failed) return;
    this.failed = true;
    const { system } = this.placing;
    void this.stop(0).then(() => {
      if (this.parent === null) system.failed(this.name, error);
      else this.parent.crashed(error);
    });
  }

  childRestarts(_name: string, delay: number): void {
    this.parent?.childRestarts(this.name, delay);
  }

  childEnded(): void {
    if (--this.left === 0) this.end();
    else if (this.placing.definition.spec.routing === 'key') void this.stop(PATIENCE);
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.placing.system.ended(this);
    this.parent?.childEnded(this.name);
  }
}
