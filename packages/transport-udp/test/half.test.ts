// Half of all datagrams of this process lost: links begin, carry both ways, and end, all the same.
import { mailbox } from '@pigeonhole/core';
import { expect, test } from 'vitest';
import { within } from '../../core/test/peers/watch.js';
import { joined, scratch } from './scene.js';

test('half of the datagrams dropped: everything arrives, in order', async () => {
  process.env.LOSSY = JSON.stringify({ lose: 0.5, double: 0.05, delay: 0.2, seed: 3 });
  const { fate } = (await import('./lossy.mjs' as string)) as { fate: { lost: number; passed: number } };
  const directory = scratch();
  const [a, b] = [await joined(directory, 'a'), await joined(directory, 'b')];
  const receiver = await b.receiver(mailbox<Uint8Array | number>('m', { capacity: 'unbounded' }));
  await within(a.send(mailbox('m'), new Uint8Array(2_000_000).fill(7)), 'a large body to be accepted');
  const sends = Array.from({ length: 500 }, (_, n) => a.send(mailbox('m'), n));
  const large = await receiver.receive();
  expect((large.body as Uint8Array).every((byte) => byte === 7)).toBe(true);
  for (let n = 0; n < 500; n++) expect((await within(receiver.receive(), `message ${n}`)).body).toBe(n);
  await within(Promise.all(sends), 'the sends');
  expect(fate.lost).toBeGreaterThan(fate.passed / 3);
});
