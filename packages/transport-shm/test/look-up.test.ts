/** What is parked and is not woken, because who was to do it is stopped: it looks for itself, once a second. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, type MailboxAddress, mailbox, type Runtime } from '@pigeonhole/core';
import { expect, onTestFinished, test, vi } from 'vitest';
import { shm } from '../src/index.js';
import { SharedMailbox } from '../src/mailbox.js';

async function pair(): Promise<[Runtime, Runtime]> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'pigeonhole-look-up-')));
  const open = (name: string): Promise<Runtime> =>
    createRuntime({ name, directory, logger: false, config: false, transport: shm() });
  const both = await Promise.all([open('a'), open('b')]);
  onTestFinished(async () => {
    await Promise.all(both.map((each) => each.close({ deadline: 0 })));
    rmSync(directory, { recursive: true, force: true });
  });
  return both;
}

/** From now on bells are rung in vain. */
function deaf(): void {
  const wakened = vi.spyOn(SharedMailbox.prototype, 'wakened').mockImplementation(() => {});
  onTestFinished(() => wakened.mockRestore());
}

/** When it was first looked at after all was parked. */
async function parked(box: string): Promise<void> {
  const lookUp = vi.spyOn(SharedMailbox.prototype, 'lookUp');
  onTestFinished(() => lookUp.mockRestore());
  while (!lookUp.mock.contexts.some((each) => (each as SharedMailbox).name === box))
    await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a receive whose wake-up is lost has its message at the next look', async () => {
  const [a, b] = await pair();
  const box = mailbox<number>('received');
  const received = (await b.receiver(box)).receive();
  await parked('received');
  deaf();
  await a.send(box, 1);
  expect((await received).body).toBe(1);
});

test.each([
  ['one place', 1],
  ['no place', 0],
] as const)(
  'a send that waits for %s, and whose wake-up is lost, is accepted at the next look',
  async (_, capacity) => {
    const [a, b] = await pair();
    const box: MailboxAddress<number> = mailbox<number>(`sent-${capacity}`, { capacity });
    const [sender, receiver] = [await a.sender(box), await b.receiver(box)];
    if (capacity > 0) await sender.send(1);
    const sent = sender.send(2);
    await parked(`sent-${capacity}`);
    deaf();
    expect((await receiver.receive()).body).toBe(capacity > 0 ? 1 : 2);
    await sent;
  },
);

test('where nothing has changed a look looks no further', async () => {
  const [, b] = await pair();
  const box = mailbox<number>('idle');
  const received = (await b.receiver(box)).receive().catch(() => {});
  await parked('idle');
  const poll = vi.spyOn(SharedMailbox.prototype, 'poll');
  onTestFinished(() => poll.mockRestore());
  vi.mocked(SharedMailbox.prototype.lookUp).mockClear();
  await parked('idle');
  expect(poll).not.toHaveBeenCalled();
  await b.close();
  await received;
});
