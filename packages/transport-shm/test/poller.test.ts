import { expect, test } from 'vitest';
import { type Polled, Poller } from '../src/poller.js';

/** What is parked at once, and is told of nothing. */
class Forgotten implements Polled {
  waiting = true;
  parks = 0;
  looks = 0;
  poll = () => false;
  linger = () => false;
  postAhead = () => {};
  park = () => {
    this.parks++;
    return false;
  };
  constructor(private readonly found: () => void) {}

  lookUp(): boolean {
    if (++this.looks < 2) return false;
    this.found();
    return true;
  }
}

test('what is parked is looked at again without being woken, and then looked after as before', async () => {
  const poller = new Poller(2);
  let polled: Forgotten | null = null;
  // The looks keep no process alive; the test's worker lives anyway.
  await new Promise<void>((resolve) => {
    polled = new Forgotten(resolve);
    poller.add(polled);
  });
  const { looks, parks } = polled as unknown as Forgotten;
  expect([looks, parks]).toEqual([2, 1]);
  poller.close();
});
