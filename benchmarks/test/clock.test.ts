import { expect, test } from 'vitest';
import { originOf } from '../src/clock.js';

test('a process that loses its processor between two looks at the clocks is not off by that', () => {
  let time = 1_000;
  let looks = 0;
  // Each look takes 0.001 ms; before some, half a second passes.
  const look = (): number => {
    looks += 1;
    time += looks % 7 === 2 ? 500 : 0.001;
    return time;
  };
  const origin = originOf(look, () => look() - 300);
  expect(origin).toBeCloseTo(300, 2);
});
