import type { Patience } from '@pigeonhole/core/transport';

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

/**
 * Looks after mailboxes in which calls wait: at each turn of the event loop while it is awake, which is cheaper than sleeping and being woken
 * if the other side is busy, and then no more until the bell rings.
 */
export class Poller {
  private readonly busy = new Set<Polled>();
  private readonly parked = new Set<Polled>();
  private lookingUp: NodeJS.Timeout | null = null;
  private awake = false;
  /** In the last turn. */
  private came = false;
  private scheduled: NodeJS.Immediate | null = null;
  private readonly turn = (): void => this.go();

  constructor(private readonly patience: Pick<Patience, 'begin' | 'again' | 'goOn' | 'close'>) {}

  add(polled: Polled): void {
    this.parked.delete(polled);
    const another = !this.busy.has(polled);
    this.busy.add(polled);
    if (this.scheduled === null) {
      this.awake = this.patience.begin(true);
      this.scheduled = setImmediate(this.turn);
    } else if (this.awake && this.came && another) this.patience.again();
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
    this.patience.close();
    this.parked.clear();
    this.lookUpWhileParked();
    if (this.scheduled !== null) clearImmediate(this.scheduled);
    this.scheduled = null;
    this.busy.clear();
  }

  private go(): void {
    try {
      if (this.awake) this.awake = this.look();
      if (!this.awake) this.park();
      this.lookUpWhileParked();
    } finally {
      this.scheduled = this.awake || this.busy.size > 0 ? setImmediate(this.turn) : null;
    }
  }

  /** Whether to stay awake. */
  private look(): boolean {
    // What it stayed awake for has come, and nothing else has been waited for since the last turn.
    this.came = false;
    if (this.busy.size === 0) return false;
    for (const polled of this.busy) {
      if (polled.poll() || this.lingers(polled)) this.came = true;
      if (!polled.waiting) this.busy.delete(polled);
    }
    return this.patience.goOn(this.came);
  }

  /** A turn of the event loop is system calls; what is waited for may be nearer than that. Whether it came. */
  private lingers(polled: Polled): boolean {
    return this.busy.size === 1 && polled.linger() && polled.poll();
  }

  private park(): void {
    for (const polled of this.busy) {
      if (polled.park()) continue;
      this.busy.delete(polled);
      if (polled.waiting) this.parked.add(polled);
    }
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
