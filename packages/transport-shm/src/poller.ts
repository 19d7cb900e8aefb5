/** What is looked after while calls wait on it. */
export interface Polled {
  /** Settles what can be settled; whether anything could. */
  poll(): boolean;
  /** Stays for some microseconds until something may have happened: whether it has. */
  linger(): boolean;
  /** Lets as many sends as may wait in shared memory wait there. */
  postAhead(): void;
  /** Whether calls wait. */
  readonly waiting: boolean;
  /** From now on to be woken; whether something happened meanwhile after all. */
  park(): boolean;
  /** Does what somebody else should have done and told of; whether anything came of it. */
  lookUp(): boolean;
}

/**
 * Milliseconds between two looks at what is parked. Who is stopped in the few instructions between taking it upon itself to wake
 * another and doing so would otherwise let that one sleep for as long as it is stopped itself.
 */
const LOOK_UP = 1_000;

/** After so many turns without anything to do it is no longer worth staying in one for what may come at once. */
const LINGERING = 4;

/**
 * Looks after mailboxes in which calls wait: for some turns of the event loop, which is cheaper than sleeping and being woken
 * if the other side is busy, and then no more until the bell rings.
 */
export class Poller {
  private readonly busy = new Set<Polled>();
  private readonly parked = new Set<Polled>();
  private lookingUp: NodeJS.Timeout | null = null;
  private idleTurns = 0;
  private scheduled: NodeJS.Immediate | null = null;
  private readonly turn = (): void => this.go();

  constructor(private readonly turns: number) {}

  add(polled: Polled): void {
    this.parked.delete(polled);
    this.busy.add(polled);
    this.idleTurns = 0;
    this.scheduled ??= setImmediate(this.turn);
  }

  remove(polled: Polled): void {
    this.busy.delete(polled);
    this.parked.delete(polled);
  }

  /** The thread is about to be blocked: nobody will move up the sends that wait here. */
  aboutToBlock(): void {
    for (const looked of [this.busy, this.parked]) for (const polled of looked) polled.postAhead();
  }

  close(): void {
    this.parked.clear();
    this.lookUpWhileParked();
    if (this.scheduled !== null) clearImmediate(this.scheduled);
    this.scheduled = null;
    this.busy.clear();
  }

  private go(): void {
    this.scheduled = null;
    let progress = false;
    for (const polled of this.busy) {
      if (polled.poll() || this.lingers(polled)) progress = true;
      if (!polled.waiting) this.busy.delete(polled);
    }
    this.idleTurns = progress ? 0 : this.idleTurns + 1;
    if (this.idleTurns > this.turns)
      for (const polled of this.busy) {
        if (polled.park()) continue;
        this.busy.delete(polled);
        if (polled.waiting) this.parked.add(polled);
      }
    this.lookUpWhileParked();
    if (this.busy.size > 0) this.scheduled ??= setImmediate(this.turn);
  }

  /** A turn of the event loop is system calls; right after work the next message is nearer than that. Whether it came. */
  private lingers(polled: Polled): boolean {
    return this.busy.size === 1 && this.idleTurns < LINGERING && polled.linger() && polled.poll();
  }

  private lookUpWhileParked(): void {
    if (this.parked.size === 0) {
      if (this.lookingUp !== null) clearInterval(this.lookingUp);
      this.lookingUp = null;
    } else
      this.lookingUp ??= setInterval(() => {
        for (const polled of this.parked)
          if (!polled.waiting) this.parked.delete(polled);
          else if (polled.lookUp()) this.add(polled);
        this.lookUpWhileParked();
      }, LOOK_UP).unref();
  }
}
