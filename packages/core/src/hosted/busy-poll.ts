import { Crowding } from './crowding.js';

/** After so many occasions in vain, one in a row each: one is taken and so many are left out. */
const MOST_LEFT_OUT = 15;
/** So many answers in a row that are slower than what is waited for are waited for, for the other side to wake up; then so many are left out. */
const SLOW_ANSWERS = 32;
const LEFT_OUT_AS_SLOW = 31;
/** How long it rests where others need the processors, at first and at most (milliseconds). */
const REST = 100;
const LONGEST_REST = 800;
/** A clock that stands still ends no wait: this many turns do. */
const MOST_TURNS = 10_000;
/** Milliseconds between two looks at the crowding, while it goes on and on. */
const LOOK = 1;

/**
 * Keeps the event loop turning for a moment after something has come over a link, so that an answer, or the next request, is read as soon as it
 * comes: a process that sleeps has to be woken, and finds a processor that has slept as well. Two that answer each other take a fraction of the
 * time for an exchange, and less processor time (decision 38 has the figures). The kernel does the same for network devices (socket(7), SO_BUSY_POLL).
 *
 * Where nothing comes in that time it was in vain: the next occasion is then left out, after further failures three, seven, fifteen. What is tried
 * after a failure lasts twice as long: the other side may sleep, and only if one waits for that does it stay awake in turn. Where there are more who are
 * busy than processors, it rests, for longer and longer. An idle process sleeps.
 */
export class BusyPoll {
  private turning = false;
  /** Something has come since the last turn. */
  private came = false;
  /** No turn has been since it began. */
  private fresh = false;
  /** When something came last. */
  private since = 0;
  private turns = 0;
  private slow = 0;
  private failures = 0;
  private leaveOut = 0;
  private looked = 0;
  private restUntil = 0;
  private rest = REST;
  private readonly turn = (): void => this.go();

  /** `duration` in milliseconds; 0: never. */
  constructor(
    private duration: number,
    private readonly crowding: Pick<Crowding, 'begin' | 'look' | 'close'> | null = duration === 0
      ? null
      : new Crowding(),
  ) {}

  /** Something has come. */
  stir(): void {
    this.came = true;
    if (this.turning || this.duration === 0) return;
    if (this.leaveOut > 0) {
      this.leaveOut--;
      return;
    }
    if (this.restUntil > 0 && performance.now() < this.restUntil) return;
    this.restUntil = 0;
    this.turning = this.fresh = true;
    setImmediate(this.turn);
  }

  /** For good. */
  close(): void {
    this.duration = 0;
    this.crowding?.close();
  }

  private go(): void {
    if (this.duration === 0) return this.end(0);
    const now = performance.now();
    if (this.fresh) {
      // What it began with is no success; nor does the time count in which that was handled.
      this.fresh = false;
      this.crowding?.begin(now);
      this.looked = now;
    } else if (this.came) {
      if (now - this.since <= this.duration) this.failures = this.slow = 0;
      else if (++this.slow > SLOW_ANSWERS) return this.end(LEFT_OUT_AS_SLOW);
      if (now - this.looked > LOOK && this.rests(now)) return this.end(0);
    } else {
      const patience = this.duration * (this.failures === 0 ? 1 : 2);
      if (now - this.since <= patience && ++this.turns < MOST_TURNS) return void setImmediate(this.turn);
      this.failures = Math.min(2 * this.failures + 1, MOST_LEFT_OUT);
      this.rests(now);
      return this.end(this.failures);
    }
    this.came = false;
    this.since = now;
    this.turns = 0;
    setImmediate(this.turn);
  }

  private rests(now: number): boolean {
    this.looked = now;
    const crowded = this.crowding?.look(now);
    if (crowded === undefined) return false;
    if (crowded) {
      this.restUntil = now + this.rest;
      this.rest = Math.min(2 * this.rest, LONGEST_REST);
    } else this.rest = REST;
    return crowded;
  }

  private end(leaveOut: number): void {
    this.turning = false;
    this.slow = 0;
    this.leaveOut = leaveOut;
  }
}
