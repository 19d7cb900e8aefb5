/**
 * How much may be under way on the path, in charged bytes: NewReno as RFC 9002 section 7 has it, with its recovery periods. On
 * loopback nothing congests but the receive buffer, which the window of the receiver guards; this takes over where there is a network.
 *
 * It never goes below `floor`: a fifth of all datagrams lost at random is no reason to stand still, and what a path cannot
 * carry even then is backed off from by the timeout, which doubles.
 */
export class Congestion {
  window: number;
  private threshold = Infinity;
  /** What was sent before this is not counted again: the window has been cut for it. */
  private recoveringSince = -Infinity;

  constructor(
    private readonly largest: number,
    private readonly floor = 4 * largest,
  ) {
    this.window = Math.max(floor, 10 * largest);
  }

  /** `busy`: the window was in use; one that is not filled proves nothing by it. */
  acknowledged(charged: number, sentAt: number, busy: boolean): void {
    if (!busy || sentAt <= this.recoveringSince) return;
    if (this.window < this.threshold) this.window += charged;
    else this.window += (this.largest * charged) / this.window;
    this.window = Math.min(this.window, MOST);
  }

  lost(sentAt: number, now: number): void {
    if (sentAt <= this.recoveringSince) return;
    this.recoveringSince = now;
    this.window = Math.max(this.floor, this.window / 2);
    this.threshold = this.window;
  }

  /** Nothing comes back any more. */
  collapse(): void {
    this.threshold = Math.max(this.floor, this.window / 2);
    this.window = this.floor;
  }
}

const MOST = 64 * 1024 * 1024;
