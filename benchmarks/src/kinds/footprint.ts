/**
 * What idle mailboxes cost. Both processes open one mailbox and use it, take a baseline, open all of them, pass one
 * message through each, collect garbage, and count again: descriptors of the process, heap and resident memory a mailbox. Then
 * both do nothing for a while, with everything open, and the CPU time is counted that this takes.
 */

import { readdirSync } from 'node:fs';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import type { FootprintCase, MailboxHost, MailboxSender, Place } from '../contender.js';
import type { Job, Measurement } from '../control.js';
import { cpuMicroseconds } from '../cpu.js';
import type { Kind, Opened, Session } from '../kind.js';

const COLLECTIONS = 4;
/** Opening a thousand mailboxes, or ten thousand actors, takes a multiple of what measuring takes elsewhere. */
const OPENING = 100;
/** Milliseconds: after the last message until all is quiet, and of counting. Some things are looked at once a second, so in one second once or twice. */
const SETTLING = 300;
const IDLENESS = 3_000;

/** One look at a process. */
interface Holdings {
  descriptors: number;
  heap: number;
  /** Bytes of buffers outside the heap. */
  buffers: number;
  rss: number;
}

/** The sending process's half. */
interface SenderHalf {
  openFirst(): Promise<void>;
  openAll(): Promise<void>;
  sendFirst(): Promise<void>;
  sendAll(): Promise<void>;
  holdings(): Promise<Holdings>;
  idle(): Promise<number>;
  close(): Promise<void>;
}

/** Collects garbage until what is left is in use, then counts. */
async function holdings(): Promise<Holdings> {
  if (globalThis.gc === undefined) throw new Error('node must run with --expose-gc');
  for (let round = 0; round < COLLECTIONS; round += 1) {
    await turn();
    globalThis.gc();
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  // Reading the directory opens it: that descriptor is not ours to count.
  return { descriptors: readdirSync('/proc/self/fd').length - 1, heap: heapUsed, buffers: arrayBuffers, rss };
}

/** CPU percent of this process while nothing happens. */
async function idle(): Promise<number> {
  await pause(SETTLING);
  const start = performance.now();
  const before = cpuMicroseconds();
  await pause(IDLENESS);
  return (cpuMicroseconds() - before) / 10 / (performance.now() - start);
}

async function openFrom(side: MailboxHost | MailboxSender, first: number, count: number): Promise<void> {
  for (let index = first; index < count; index += 1) await side.open(index);
}

function senderHalf(testCase: FootprintCase, _job: Job, place: Place): SenderHalf {
  let sender: MailboxSender | undefined;
  const opened = (): MailboxSender => {
    if (sender === undefined) throw new Error('the sender is not open');
    return sender;
  };
  return {
    async openFirst() {
      sender = await testCase.sender(place);
      await sender.open(0);
    },
    openAll: () => openFrom(opened(), 1, testCase.mailboxes),
    sendFirst: () => opened().send(1),
    sendAll: () => opened().send(testCase.mailboxes),
    holdings,
    idle,
    async close() {
      await opened().close();
    },
  };
}

/** Sends one message through each of the first `count` mailboxes, and checks the sum of what arrived. */
async function exercise(host: MailboxHost, send: () => Promise<void>, count: number): Promise<void> {
  const [sum] = await Promise.all([host.collect(count), send()]);
  const expected = (count * (count - 1)) / 2;
  if (sum !== expected) throw new Error(`the mailboxes' numbers add up to ${sum}, expected ${expected}`);
}

function compare(side: string, before: Holdings, after: Holdings, mailboxes: number): Record<string, number> {
  return {
    [`${side}Descriptors`]: after.descriptors,
    [`${side}DescriptorsAdded`]: after.descriptors - before.descriptors,
    [`${side}Heap`]: (after.heap - before.heap) / mailboxes,
    [`${side}Buffers`]: (after.buffers - before.buffers) / mailboxes,
    [`${side}Rss`]: (after.rss - before.rss) / mailboxes,
  };
}

async function measure(
  testCase: FootprintCase,
  session: Session<SenderHalf>,
  host: MailboxHost,
): Promise<Measurement> {
  const { second } = session;
  const total = testCase.mailboxes;
  session.phase('the first mailbox to open and pass a message');
  await host.open(0);
  await second.openFirst();
  await exercise(host, () => second.sendFirst(), 1);
  const before = { host: await holdings(), sender: await second.holdings() };
  session.phase(`${total} mailboxes to open`);
  await openFrom(host, 1, total);
  await second.openAll();
  session.phase(`${total} mailboxes to pass a message each`);
  await exercise(host, () => second.sendAll(), total);
  const after = { host: await holdings(), sender: await second.holdings() };
  session.phase('both sides to do nothing');
  const [hostIdle, senderIdle] = await Promise.all([idle(), second.idle()]);
  const metrics = {
    ...compare('host', before.host, after.host, total - 1),
    ...compare('sender', before.sender, after.sender, total - 1),
    hostIdle,
    senderIdle,
  };
  return { metrics };
}

async function open(testCase: FootprintCase, session: Session<SenderHalf>): Promise<Opened> {
  const host = await testCase.host(session.place);
  return {
    measure: () => measure(testCase, session, host),
    async close() {
      await session.second.close();
      await host.close();
    },
  };
}

export const footprint: Kind<FootprintCase, SenderHalf> = {
  name: 'footprint',
  title: 'Idle mailboxes between two processes',
  compared: 'hostHeap',
  moreIsBetter: false,
  peer: undefined,
  metrics: [
    { key: 'hostDescriptors', heading: 'fds, host', scale: 1, digits: 0 },
    { key: 'hostDescriptorsAdded', heading: 'added', scale: 1, digits: 0 },
    { key: 'senderDescriptors', heading: 'fds, sender', scale: 1, digits: 0 },
    { key: 'senderDescriptorsAdded', heading: 'added', scale: 1, digits: 0 },
    { key: 'hostHeap', heading: 'heap B/mailbox, host', scale: 1, digits: 0 },
    { key: 'senderHeap', heading: 'heap B/mailbox, sender', scale: 1, digits: 0 },
    { key: 'hostRss', heading: 'RSS B/mailbox, host', scale: 1, digits: 0 },
    { key: 'senderRss', heading: 'RSS B/mailbox, sender', scale: 1, digits: 0 },
    { key: 'hostIdle', heading: 'idle CPU %, host', scale: 1, digits: 3 },
    { key: 'senderIdle', heading: 'idle CPU %, sender', scale: 1, digits: 3 },
  ],
  nodeOptions: ['--expose-gc'],
  length: () => OPENING,
  fresh: true,
  steady: true,
  others: () => 1,
  second: senderHalf,
  open,
};
