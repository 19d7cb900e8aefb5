import { pace } from '../pace.js';

/**
 * The receives of this process that have been given messages by one host, until it is certain to learn so: *taken* has left this
 * process. Before that the application must not see the message: if the process died, the host would give it to another as well (R12).
 *
 * Nearly always that is so at the end of the turn. Only where the host takes no bytes (it is stopped, or busy) do they wait for it.
 */
export class Receipts {
  /** Settled since the last time the link was asked. */
  private fresh: (() => void)[] = [];
  /** Those that wait for what the link was asked about. */
  private waiting: (() => void)[] | null = null;

  /** `sent`: as of a link, of all frames that are written by now, wherever they wait. */
  constructor(private readonly sent: (done: () => void) => boolean) {}

  /** Calls that are settled during `give` complete later. */
  hold<T>(give: () => T): T {
    const before = pace.hold(this.fresh);
    try {
      return give();
    } finally {
      pace.hold(before);
    }
  }

  /** Completes the calls whose *taken*, written by now, has left. */
  settle(): void {
    if (this.fresh.length === 0 || this.waiting !== null) return;
    const batch = this.fresh;
    this.waiting = batch;
    this.fresh = [];
    const done = (): void => {
      // Unless `end` has been there first.
      if (this.waiting === batch) this.complete();
      this.settle();
    };
    if (this.sent(done)) this.complete();
  }

  /** The link is over, or the order between this host and the next matters more: whoever waits is given what it has. */
  end(): void {
    this.complete();
    this.waiting = this.fresh;
    this.fresh = [];
    this.complete();
  }

  private complete(): void {
    const { waiting } = this;
    this.waiting = null;
    for (const complete of waiting ?? [])
      if (pace.free()) complete();
      else pace.later(complete);
  }
}
