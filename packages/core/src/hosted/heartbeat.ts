/** What a heartbeat asks, and what it reports. */
export interface HeartbeatOwner {
  /** Somebody surer than silence tells of this peer's death: it is never judged by silence. */
  vouched(): boolean;
  /** Makes the other side say something. */
  ping(): void;
  /** Nothing has come for at least one interval, though asked for, and at most two. */
  silent(): void;
}

/**
 * Finds a peer that is silent, on the monotonic clock. A process that was itself stopped or busy judges nobody by the time in
 * which it could not listen: it asks again, and reads first what came meanwhile.
 */
export class Heartbeat {
  private heard = true;
  private due: number;
  private readonly timer: NodeJS.Timeout;

  constructor(
    /** Milliseconds. */
    private readonly interval: number,
    private readonly owner: HeartbeatOwner,
  ) {
    this.due = performance.now() + interval;
    this.timer = setInterval(() => this.beat(), interval).unref();
  }

  /** A sign of life: something has come, or the other side has taken something. */
  hear(): void {
    this.heard = true;
  }

  stop(): void {
    clearInterval(this.timer);
    this.heard = true;
  }

  private beat(): void {
    const now = performance.now();
    const late = now > this.due + this.interval / 2;
    this.due = now + this.interval;
    if (this.owner.vouched()) this.heard = true;
    else if (this.heard || late) {
      this.heard = false;
      this.owner.ping();
    } else setImmediate(() => this.heard || this.owner.silent());
  }
}
