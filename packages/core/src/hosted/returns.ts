import { PigeonholeError } from '../errors.js';

/** Returns that the host has not seen: an honest one has that many messages on the wire only after as many pulls. */
const MOST = 1_048_576;

/**
 * The places of deliveries given back whose return the host is not yet known to have seen. What stands behind one of them must
 * go back too; so only the foremost of them counts, and after it those that become foremost when it is seen.
 */
export class Returns {
  /** Ever further back, each with the number of its return. Those before `start` are done with. */
  private foremost: { readonly number: number; readonly order: number }[] = [];
  private start = 0;
  private given = 0;
  private seen = 0;

  /** A delivery of this place goes back. Throws `ERR_FRAME` when too many have. */
  add(order: number): void {
    const { foremost } = this;
    while (foremost.length > this.start && isBehind((foremost.at(-1) as { order: number }).order, order))
      foremost.pop();
    foremost.push({ number: this.given++, order });
    if (foremost.length - this.start > MOST)
      throw new PigeonholeError(
        'ERR_FRAME',
        `more than ${MOST} deliveries went back that the host takes no notice of`,
      );
  }

  /** The host has seen so many returns in all, modulo 2^32. Throws `ERR_FRAME` when there were not so many. */
  notice(returned: number): void {
    this.seen += (returned - this.seen) >>> 0;
    if (this.seen > this.given)
      throw new PigeonholeError(
        'ERR_FRAME',
        `the host was given back ${this.given} deliveries and has seen ${this.seen} come`,
      );
    while ((this.foremost[this.start]?.number ?? Infinity) < this.seen) this.start++;
    if (this.start < this.foremost.length / 2) return;
    this.foremost = this.foremost.slice(this.start);
    this.start = 0;
  }

  /** Whether a delivery of this place must go back as well. */
  holdBack(order: number): boolean {
    const first = this.foremost[this.start];
    return first !== undefined && isBehind(order, first.order);
  }
}

/** Places count modulo 2^32. */
function isBehind(order: number, other: number): boolean {
  return (order - other) >>> 0 < 2 ** 31;
}
