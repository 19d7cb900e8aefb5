import { pace } from '../pace.js';

/** What is asked of the link. */
export interface ReceiptsWire {
  /** Frames wait in this process for `drain`; `settle` is called after it. */
  blocked(): boolean;
  /** As `Link.sent`. */
  sent(done: () => void): boolean;
}

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
  private before: (() => void)[] | null = null;
  private readonly onSent = (): void => {
    this.complete();
    this.settle();
  };

  constructor(private readonly wire: ReceiptsWire) {}

  /** Calls that are settled until `shut` complete later. */
  open(): void {
    this.before = pace.hold(this.fresh);
  }

  shut(): void {
    pace.hold(this.before);
  }

  /** Completes the calls whose *taken*, written by now, has left. */
  settle(): void {
    if (this.fresh.length === 0 || this.waiting !== null || this.wire.blocked()) return;
    const left = this.wire.sent(this.onSent);
    this.waiting = this.fresh;
    this.fresh = [];
    if (left) this.complete();
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
