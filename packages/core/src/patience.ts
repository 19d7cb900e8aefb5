import { Crowding } from './crowding.js';

/** After so many occasions in vain, one in a row each: one is taken and so many are left out. */
const MOST_LEFT_OUT = 15;
/** So many answers in a row that are slower than what is waited for are waited for, for the other side to wake up; then so many are left out. */
const SLOW_ANSWERS = 32;
const LEFT_OUT_AS_SLOW = 31;
/** How long it rests where others need the processors, at first and at most (milliseconds). */
const REST = 100;
const LONGEST_REST = 800;
/** A clock that stands still ends no wait: so many turns a millisecond of waiting do, which takes a millisecond at least otherwise. */
const MOST_TURNS = 4_000;
/** Milliseconds between two looks at the crowding, while it goes on and on. */
const LOOK = 1;

/**
 * Whether it is worth keeping the event loop turning for what may come next, rather than to sleep and be woken: two that answer each other take a
 * fraction of the time for an exchange, and less processor time (decision 38 has the figures). The kernel does the same for network devices
 * (socket(7), SO_BUSY_POLL).
 *
 * Where nothing comes in that time it was in vain: the next occasion is then left out, after further failures three, seven, fifteen. What is tried
 * after a failure lasts twice as long: the other side may sleep, and only if one waits for that does it stay awake in turn. Where there are more who are
 * busy than processors, it rests, for longer and longer.
 */
export class Patience {
  /** No turn has been since it began. */
  private fresh = false;
  /** It began because something is waited for, not because something came. */
  private waiting = false;
  /** When something came last, or was first waited for. */
  private since = 0;
  private turns = 0;
  private slow = 0;
  private failures = 0;
  private leaveOut = 0;
  private looked = 0;
  private restUntil = 0;
  private rest = REST;
  private readonly mostTurns: number;

  /** `duration` in milliseconds; 0: never. `mostTurns`: in a row without anything, at most. */
  constructor(
    private duration: number,
    mostTurns = Number.POSITIVE_INFINITY,
    private readonly crowding: Pick<Crowding, 'begin' | 'look' | 'close'> | null = duration === 0
      ? null
      : new Crowding(),
  ) {
    this.mostTurns = Math.min(mostTurns, Math.ceil(duration * MOST_TURNS));
  }

  /** As a runtime is configured (`busyPoll`): for so many microseconds, and at most so many turns without anything. */
  static of(microseconds = 0, mostTurns?: number): Patience {
    return new Patience(mostTurns === 0 ? 0 : microseconds / 1000, mostTurns);
  }

  /** Something has come, or is `waiting` to come: whether to stay awake for a turn of the event loop. */
  begin(waiting = false): boolean {
    if (this.duration === 0) return false;
    if (this.leaveOut > 0) {
      this.leaveOut--;
      return false;
    }
    if (this.restUntil > 0 && performance.now() < this.restUntil) return false;
    this.restUntil = 0;
    this.fresh = true;
    this.waiting = waiting;
    return true;
  }

  /** Nothing was waited for meanwhile, and now something is again: what the application did in between is no waiting. */
  again(): void {
    this.since = performance.now();
    this.turns = 0;
  }

  /** After a turn, in which something `came` (`at` that time, if that is known) or nothing: whether to stay awake for another one. */
  goOn(came: boolean, at?: number): boolean {
    if (this.duration === 0) return false;
    const now = performance.now();
    if (this.fresh) {
      // The time does not count in which that was handled which it began with.
      this.fresh = false;
      this.since = now;
      this.turns = 0;
      // What came before, while it slept and was woken, says nothing of what it does to others.
      this.crowding?.begin(now);
      this.looked = now;
      // Nor is that a success.
      if (!this.waiting) return true;
      if (came) this.failures = this.slow = 0;
    } else if (came) {
      if ((at ?? now) - this.since <= this.duration) this.failures = this.slow = 0;
      else if (++this.slow > SLOW_ANSWERS) return this.end(LEFT_OUT_AS_SLOW);
      if (now - this.looked > LOOK && this.rests(now)) return this.end(0);
    }
    if (!came) return this.waits(now);
    this.since = now;
    this.turns = 0;
    return true;
  }

  /** For good. */
  close(): void {
    this.duration = 0;
    this.crowding?.close();
  }

  /** Whether it is to be waited for any longer. */
  private waits(now: number): boolean {
    const patience = this.duration * (this.failures === 0 ? 1 : 2);
    if (now - this.since <= patience && ++this.turns < this.mostTurns) return true;
    this.failures = Math.min(2 * this.failures + 1, MOST_LEFT_OUT);
    this.rests(now);
    return this.end(this.failures);
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

  private end(leaveOut: number): false {
    this.slow = 0;
    this.leaveOut = leaveOut;
    return false;
  }
}
