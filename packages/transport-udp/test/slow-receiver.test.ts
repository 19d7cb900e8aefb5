/** A process that is busy or stopped while it is sent to: its receive buffer does not overflow, and nothing is lost. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PeerProcess } from '../../core/test/peers/peer-process.js';
import { until } from '../../core/test/peers/watch.js';
import { parseAddress } from '../src/address.js';
import { published, scratch, settings } from './scene.js';

/** How many datagrams the kernel has dropped at this port because its receive buffer was full (proc(5)). */
function drops(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const line = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .find((each) => each.includes(`:${hex} 00000000:0000`));
  if (line === undefined) throw new Error(`no UDP socket on port ${port}`);
  return Number(line.trim().split(/\s+/).at(-1));
}

const COUNT = 200;
const SENDERS = ['one', 'two', 'three'];

async function crowd(): Promise<{ port: number; receiver: PeerProcess; senders: PeerProcess[] }> {
  const directory = scratch();
  const receiver = await PeerProcess.start(settings(directory, 'slow'));
  await receiver.call('receiver', 'sink', { capacity: 'unbounded' });
  const senders = await Promise.all(SENDERS.map((name) => PeerProcess.start(settings(directory, name))));
  for (const sender of senders) await sender.call('sender', 'sink');
  for (const sender of senders) await sender.call('flood', 'sink', 1, 10);
  await receiver.call('drain', 'sink', SENDERS.length);
  return { port: parseAddress(published(directory, 'slow').ports.udp).port, receiver, senders };
}

/** Everything sent, and each sender's in its order. */
function complete(seen: readonly number[][], bytes: number): void {
  expect(seen).toHaveLength(COUNT * SENDERS.length);
  for (let n = 0; n < COUNT; n++) {
    const such = seen.filter(
      ([first, last, length]) => first === n % 256 && last === n % 256 && length === bytes,
    );
    expect(such, `body ${n}`).toHaveLength(SENDERS.length);
  }
}

test.each([
  ['many small bodies', 100],
  ['bodies of several datagrams', 90_000],
])(
  'what is sent to a process whose event loop is blocked arrives, and no datagram is dropped: %s',
  async (_, bytes) => {
    const { port, receiver, senders } = await crowd();
    const blocked = receiver.call('block', 1500);
    const floods = senders.map((sender) => sender.call('flood', 'sink', COUNT, bytes));
    await blocked;
    const seen = await receiver.call<number[][]>('drain', 'sink', COUNT * SENDERS.length);
    await Promise.all(floods);
    complete(seen, bytes);
    expect(drops(port)).toBe(0);
    for (const each of [...senders, receiver]) await each.leave();
  },
);

test('what is sent to a stopped process arrives when it goes on', async () => {
  const { port, receiver, senders } = await crowd();
  receiver.child.kill('SIGSTOP');
  const floods = senders.map((sender) => sender.call('flood', 'sink', COUNT, 30_000));
  // The senders have used up what they were promised: nothing more comes for a while but questions.
  let before = -1;
  await until(() => {
    const queued = queue(port);
    const still = queued === before && queued > 0;
    before = queued;
    return still;
  }, 'the receive buffer to fill up to the windows');
  receiver.child.kill('SIGCONT');
  complete(await receiver.call<number[][]>('drain', 'sink', COUNT * SENDERS.length), 30_000);
  await Promise.all(floods);
  expect(drops(port)).toBe(0);
  for (const each of [...senders, receiver]) await each.leave();
});

/** Bytes in the receive buffer. */
function queue(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const line = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .find((each) => each.includes(`:${hex} 00000000:0000`));
  return Number.parseInt(line?.trim().split(/\s+/)[4]?.split(':')[1] ?? '0', 16);
}
