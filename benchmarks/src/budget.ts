/** The time of a run, shared out among its groups by how much each has to do. What one does not need is left to those after it. */
export class Budget {
  private readonly end: number;
  private left: number;
  private deadline = Number.POSITIVE_INFINITY;
  private roundBegan = 0;
  private longest = 0;

  /**
   * @param limit milliseconds from now
   * @param work of all groups, in any unit
   */
  constructor(
    limit: number,
    work: number,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.end = clock() + limit;
    this.left = work;
  }

  /** A group begins, which has so much of the work; whether its share of the time is left, if it takes as long as `estimate` milliseconds. */
  beginGroup(work: number, estimate = 0): boolean {
    const now = this.clock();
    const share = this.left > 0 ? work / this.left : 1;
    this.left -= work;
    this.deadline = now + (this.end - now) * share;
    this.longest = 0;
    return now + estimate <= this.end;
  }

  /** Whether another round of the group would end in time, if it takes as long as the longest so far. */
  beginRound(): boolean {
    this.roundBegan = this.clock();
    return this.roundBegan + this.longest <= this.deadline;
  }

  endRound(): void {
    this.longest = Math.max(this.longest, this.clock() - this.roundBegan);
  }
}
