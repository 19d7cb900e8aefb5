import { expect, test } from 'vitest';
import { createRuntime, errorCodes, mailbox, peer } from '../dist/index.js';
import { Child, rejection } from './child.js';
import { overSockets, type Provocation, provocations } from './error-provocations.js';

test('every code is provoked, or it is said why it cannot be', () => {
  expect(Object.keys(provocations)).toEqual([...errorCodes]);
});

const provoked = Object.entries<Provocation>(provocations).filter(([, how]) => typeof how !== 'string');

test.each(provoked)('%s comes from outside and says what to know', async (code, how) => {
  const [provoke, ...says] = how as Exclude<Provocation, string>;
  const error = await provoke();
  expect(error.code, error.message).toBe(code);
  expect(error.name).toBe('PigeonholeError');
  for (const words of says)
    if (typeof words === 'string') expect(error.message).toContain(words);
    else expect(error.message).toMatch(words);
});

test('an error that a host sends across says the same as one from here', async () => {
  const given = await overSockets();
  const host = await Child.joined({ ...given, name: 'host', mailboxes: { orders: { maxBytes: 20 } } });
  await host.run(({ core, kept }) =>
    kept.runtime.receiver(core.mailbox('orders', { capacity: 8 })).then(() => {}),
  );
  const runtime = await createRuntime(given);
  const full = await rejection(runtime.send(mailbox<string>('orders'), 'x'.repeat(30)));
  expect(full).toMatchObject({ code: 'ERR_NO_SPACE', address: "mailbox 'orders'" });
  expect(full.message).toMatch(
    /^mailbox 'orders' holds 0 bytes in 0 messages; 3\d more exceed its limit of 20 bytes/,
  );
  const mismatch = await rejection(runtime.sender(mailbox('orders', { capacity: 9 })));
  expect(mismatch.code).toBe('ERR_CAPACITY_MISMATCH');
  expect(mismatch.message).toContain('has capacity 8; it was opened with capacity 9');
  expect((await rejection(runtime.send(peer('host'), Symbol('x')))).code).toBe('ERR_UNSERIALIZABLE');
  await runtime.close();
});
