/** What is looked after while calls wait on it. */
export interface Polled {
  /** Settles what can be settled; whether anything could. */
  poll(): boolean;
  /** Whether calls wait. */
  readonly waiting: boolean;
  /** From now on to be woken; whether something happened meanwhile after all. */
  park(): boolean;
}

/**
 * Looks after mailboxes in which calls wait: for some turns of the event loop, which is cheaper than sleeping and being woken
 * if the other side is busy, and then no more until the bell rings.
 */
export class Poller {
  private readonly busy = new Set<Polled>();
  private idleTurns = 0;
  private scheduled: NodeJS.Immediate | null = null;
  private readonly turn = (): void => this.go();

  constructor(private readonly turns: number) {}

  add(polled: Polled): void {
    this.busy.add(polled);
    this.idleTurns = 0;
    this.scheduled ??= setImmediate(this.turn);
  }

  remove(polled: Polled): void {
    this.busy.delete(polled);
  }

  close(): void {
    if (this.scheduled !== null) clearImmediate(this.scheduled);
    this.scheduled = null;
    this.busy.clear();
  }

  private go(): void {
    this.scheduled = null;
    let progress = false;
    for (const polled of this.busy) {
      if (polled.poll()) progress = true;
      if (!polled.waiting) this.busy.delete(polled);
    }
    this.idleTurns = progress ? 0 : this.idleTurns + 1;
    if (this.idleTurns > this.turns)
      for (const polled of this.busy) if (!polled.park()) this.busy.delete(polled);
    if (this.busy.size > 0) this.scheduled ??= setImmediate(this.turn);
  }
}
