/** Deliveries that go back, against a list that remembers all of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Returns } from '../src/hosted/returns.js';

/** What `Returns` does, as plainly as can be. */
class PlainReturns {
  private readonly orders: number[] = [];
  private seen = 0;
  given = 0;

  add(order: number): void {
    this.orders.push(order);
    this.given++;
  }

  notice(returned: number): void {
    this.orders.splice(0, returned - this.seen);
    this.seen = returned;
  }

  holdBack(order: number): boolean {
    return this.orders.some((earlier) => (order - earlier) >>> 0 < 2 ** 31);
  }
}

const step = fc.oneof(
  fc.record({ add: fc.nat({ max: 20 }) }),
  fc.record({ notice: fc.nat({ max: 3 }) }),
  fc.record({ ask: fc.nat({ max: 20 }) }),
);

describe('returns', () => {
  test.each([0, 2 ** 32 - 10])('hold back what a list of all would (places from %i)', (base) => {
    const place = (offset: number): number => (base + offset) >>> 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const [returns, plain] = [new Returns(), new PlainReturns()];
        let noticed = 0;
        for (const each of steps) {
          if ('add' in each) {
            returns.add(place(each.add));
            plain.add(place(each.add));
          } else if ('notice' in each) {
            noticed = Math.min(plain.given, noticed + each.notice);
            returns.notice(noticed);
            plain.notice(noticed);
          } else expect(returns.holdBack(place(each.ask))).toBe(plain.holdBack(place(each.ask)));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('a host that has seen more of them than there were is refused', () => {
    const returns = new Returns();
    returns.add(1);
    returns.notice(1);
    expect(() => returns.notice(2)).toThrow('was given back 1 deliveries and has seen 2 come');
    expect(() => new Returns().notice(2 ** 32 - 1)).toThrow('has seen 4294967295 come');
  });

  test('that the host takes no notice of are limited', () => {
    const returns = new Returns();
    const flood = (): void => {
      for (let order = 0; order < 1_100_000; order++) returns.add(order);
    };
    expect(flood).toThrow('more than 1048576 deliveries went back');
  });

  test('in whatever order cost the same: a million from the back to the front', () => {
    const returns = new Returns();
    let heldBack = 0;
    for (let order = 1_000_000; order > 0; order--) {
      if (returns.holdBack(order)) heldBack++;
      returns.add(order);
    }
    expect(heldBack).toBe(0);
    expect(returns.holdBack(1)).toBe(true);
  });
});
