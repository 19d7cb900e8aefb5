/** Little and much of what a mailbox has to cope with: other mailboxes, senders, messages that lie there. */

import { mailbox, type Receiver, type Runtime, type Sender } from '@pigeonhole/core';
import type { Place, ScalingCase } from '../contender.js';
import { makeOrder, type Order } from '../load/order.js';
import { join, type Setting } from './join.js';

/** Messages that are sent, then received, together. */
const GROUP = 16;
/** Messages that are sent together to fill a mailbox. */
const FILLED = 1_000;

async function closeAll(runtimes: readonly Runtime[]): Promise<void> {
  await Promise.all(runtimes.map((runtime) => runtime.close()));
}

function group(size = GROUP): Order[] {
  return Array.from({ length: size }, (_order, index) => makeOrder(index));
}

/** Takes exactly so many. */
async function take(receiver: Receiver<Order>, count: number): Promise<void> {
  for (let left = count; left > 0; ) left -= (await receiver.receiveMany(left)).length;
}

/** One group through each in turn; `count` messages or a few more. */
async function passRoundRobin(
  pairs: readonly { sender: Sender<Order>; receiver: Receiver<Order> }[],
  state: { next: number },
  count: number,
): Promise<number> {
  let passed = 0;
  for (; passed < count; passed += GROUP) {
    const { sender, receiver } = pairs[state.next] as (typeof pairs)[number];
    state.next = (state.next + 1) % pairs.length;
    await sender.sendMany(group());
    await take(receiver, GROUP);
  }
  return passed;
}

async function openMailboxes(place: Place, { transport }: Setting, amount: number) {
  const runtime = await join(place, transport, `mailboxes-${amount}`);
  const pairs: { sender: Sender<Order>; receiver: Receiver<Order> }[] = [];
  for (let index = 0; index < amount; index += 1) {
    const box = mailbox<Order>(`of-${amount}-${index}`);
    pairs.push({ receiver: await runtime.receiver(box), sender: await runtime.sender(box) });
  }
  const state = { next: 0 };
  return {
    pass: (count: number) => passRoundRobin(pairs, state, count),
    close: () => closeAll([runtime]),
  };
}

async function openSenders(place: Place, { transport }: Setting, amount: number) {
  const box = mailbox<Order>(`from-${amount}`);
  const receiving = await join(place, transport, `receiver-of-${amount}`);
  const receiver = await receiving.receiver(box);
  const runtimes = [receiving];
  const pairs: { sender: Sender<Order>; receiver: Receiver<Order> }[] = [];
  for (let index = 0; index < amount; index += 1) {
    const runtime = await join(place, transport, `sender-${index}-of-${amount}`);
    runtimes.push(runtime);
    pairs.push({ receiver, sender: await runtime.sender(box) });
  }
  const state = { next: 0 };
  return { pass: (count: number) => passRoundRobin(pairs, state, count), close: () => closeAll(runtimes) };
}

async function openBacklog(place: Place, { transport }: Setting, amount: number) {
  const runtime = await join(place, transport, `backlog-${amount}`);
  const box = mailbox<Order>(`holding-${amount}`, { capacity: 'unbounded' });
  const receiver = await runtime.receiver(box);
  const sender = await runtime.sender(box);
  for (let left = amount; left > 0; left -= FILLED) {
    await sender.sendMany(group(Math.min(FILLED, left)));
  }
  const state = { next: 0 };
  return {
    pass: (count: number) => passRoundRobin([{ sender, receiver }], state, count),
    // What lies there goes with the directory of the case.
    close: () => closeAll([runtime]),
  };
}

type Open = (place: Place, setting: Setting, amount: number) => ReturnType<ScalingCase['open']>;

function scaling(setting: Setting, name: string, many: number, open: Open): ScalingCase {
  return {
    kind: 'scaling',
    name: `${setting.label}, 1 and ${many.toLocaleString('en')} ${name}`,
    few: 1,
    many,
    ours: true,
    detail: true,
    open: (place, amount) => open(place, setting, amount),
  };
}

export function scalingCases(setting: Setting): ScalingCase[] {
  return [
    scaling(setting, 'mailboxes', 1_000, openMailboxes),
    scaling(setting, 'senders', 64, openSenders),
    scaling(setting, 'messages in the mailbox', 1_000_000, openBacklog),
  ];
}
