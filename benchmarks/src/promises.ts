/** What we promise ourselves, on two cores: ratios to floors, ceilings and peers, and a few figures. */

import type { KindName } from './contender.js';

/** A figure of a case. */
export interface Point {
  readonly kind: KindName;
  readonly name: string;
  readonly metric: string;
}

interface Bound {
  readonly label: string;
  readonly of: Point;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A bound on a ratio to another figure; of several, to the best, which is the smallest. */
interface RatioTarget extends Bound {
  readonly against: Point | readonly Point[];
}

/** A bound on a figure itself. */
interface ValueTarget extends Bound {
  readonly unit: string;
  readonly digits: number;
}

export type Target = RatioTarget | ValueTarget;

const BATCHED = 'sendMany, receiveMany';
const KIB = 1024;

function rate(name: string): Point {
  return { kind: 'one-way', name, metric: 'rate' };
}

function sized(name: string, size: number): Point {
  return { kind: 'sizes', name, metric: `rate${size}` };
}

function p50(name: string, kind: 'round-trip' | 'floor' = 'round-trip'): Point {
  return { kind, name, metric: 'p50' };
}

function late(name: string): Point {
  return { kind: 'open-loop', name, metric: 'p999@50000' };
}

const awaited = [
  ['zeromq.js ipc, JSON', 8],
  ['child_process, json', 7],
  ['worker postMessage', 3],
] as const;

const sharedMemory: readonly Target[] = [
  ...awaited.map(([peer, atLeast]) => ({
    label: `shm, order, awaited send, for await / ${peer}`,
    of: rate('shm, awaited send, for await'),
    against: rate(peer),
    atLeast,
  })),
  {
    label: 'shm, order, batched / codec alone, the slower side',
    of: rate(`shm, ${BATCHED}`),
    against: { kind: 'ceiling', name: 'msgpack, into memory', metric: 'slower' },
    atLeast: 0.8,
  },
  {
    label: 'shm, order, compiled codec, batched / zeromq.js ipc, JSON',
    of: rate(`shm, compiled codec, ${BATCHED}`),
    against: rate('zeromq.js ipc, JSON'),
    atLeast: 15,
  },
  {
    label: 'shm, 64 B, batched / zeromq.js ipc, raw',
    of: sized(`shm, ${BATCHED}`, 64),
    against: sized('zeromq.js ipc, raw', 64),
    atLeast: 20,
  },
  {
    label: 'shm, 64 B, batched / SharedArrayBuffer ring',
    of: sized(`shm, ${BATCHED}`, 64),
    against: sized('SharedArrayBuffer ring', 64),
    atLeast: 0.7,
  },
  {
    label: 'shm, *Sync, 64 B round trip / C, spinning',
    of: p50('shm, *Sync, 64 B'),
    against: p50('C, shared memory, spinning, 64 B', 'floor'),
    atMost: 3,
  },
  {
    label: 'shm, *Sync, 64 B round trip / C, futex',
    of: p50('shm, *Sync, 64 B'),
    against: p50('C, shared memory, futex, 64 B', 'floor'),
    atMost: 1.3,
  },
  {
    label: 'shm, order round trip, event loop / zeromq.js ipc req/rep',
    of: p50('shm'),
    against: p50('zeromq.js ipc req/rep, JSON'),
    atMost: 0.083,
  },
  {
    label: 'shm, 64 B round trip, event loop parked / net Unix',
    of: p50('shm, parked, 64 B'),
    against: p50('net Unix, 64 B'),
    atMost: 1.2,
  },
  {
    label: 'shm, 1 MiB lent and borrowed, bytes / C, memcpy',
    of: { kind: 'sizes', name: 'shm, loan, borrow', metric: `bandwidth${2 ** 20}` },
    against: { kind: 'floor', name: 'C, memcpy, 1 MiB', metric: 'bandwidth' },
    atLeast: 0.5,
  },
  {
    label: 'shm, 64 KiB with copies / net Unix',
    of: sized(`shm, ${BATCHED}`, 65_536),
    against: sized('net Unix, one write a message', 65_536),
    atLeast: 4,
  },
  {
    label: 'shm, 4 senders in all / 1 sender',
    of: rate('shm, 4 senders'),
    against: rate(`shm, ${BATCHED}`),
    atLeast: 0.8,
  },
  {
    label: 'shm, p99.9 at 50,000 a second / the best peer',
    of: late('shm'),
    against: [
      'zeromq.js ipc, JSON',
      'child_process, json',
      'worker postMessage',
      'net Unix, MessagePack',
    ].map(late),
    atMost: 0.5,
  },
  {
    label: 'shm, system calls a message at saturation, batched',
    of: { kind: 'one-way', name: `shm, ${BATCHED}`, metric: 'systemCalls' },
    atMost: 0.01,
    unit: '',
    digits: 4,
  },
  {
    label: 'shm, 64 B round trips of more processes than processors / net Unix',
    of: { kind: 'crowd', name: 'shm, 64 B', metric: 'rate' },
    against: { kind: 'crowd', name: 'net Unix, 64 B', metric: 'rate' },
    atLeast: 1,
  },
  ...(['host', 'sender'] as const).map((side) => ({
    label: `shm, idle CPU, ${side}, 1,000 mailboxes open`,
    of: { kind: 'footprint' as const, name: 'shm, 1,000 mailboxes', metric: `${side}Idle` },
    atMost: 0.1,
    unit: ' %',
    digits: 3,
  })),
  ...['1,000 mailboxes', '64 senders', '1,000,000 messages in the mailbox'].map((many) => ({
    label: `shm, cost a message with ${many} / with 1`,
    of: { kind: 'scaling' as const, name: `shm, 1 and ${many}`, metric: 'growth' },
    atMost: 1.5,
    unit: '×',
    digits: 2,
  })),
];

/** The same mechanism in a few lines. */
const bare = [
  ['udp', 'bare UDP', 'one datagram a message'],
  ['fifo', 'bare FIFO', 'one write a message'],
  ['pipe', 'bare FIFO', 'one write a message'],
  ['mqueue', 'bare message queue', 'one of the kernel a message'],
] as const;

const sockets: readonly Target[] = [
  ...(
    [
      ['uds', 'ipc', 'net Unix'],
      ['tcp', 'tcp', 'net TCP'],
    ] as const
  ).flatMap(([transport, zeromq, net]): Target[] => [
    {
      label: `${transport}, order, batched / zeromq.js ${zeromq}, JSON`,
      of: rate(`${transport}, ${BATCHED}`),
      against: rate(`zeromq.js ${zeromq}, JSON`),
      atLeast: 3,
    },
    {
      label: `${transport}, 64 B round trip / ${net}`,
      of: p50(`${transport}, 64 B`),
      against: p50(`${net}, 64 B`),
      atMost: 1.2,
    },
  ]),
  ...bare.flatMap(([transport, peer, how]): Target[] => [
    {
      label: `${transport}, order, batched / ${peer}, ${how}`,
      of: rate(`${transport}, ${BATCHED}`),
      against: rate(`${peer}, MessagePack, ${how}`),
      atLeast: 1.5,
    },
    {
      label: `${transport}, 64 B round trip / ${peer}`,
      of: p50(`${transport}, 64 B`),
      against: p50(`${peer}, 64 B`),
      atMost: 1.5,
    },
  ]),
  ...['shm', 'uds'].flatMap((transport): Target[] => [
    {
      label: `${transport}, tell / 256 sends in flight`,
      of: rate(`${transport}, tell, 256 in flight`),
      against: rate(`${transport}, 256 sends in flight, for await`),
      atLeast: 0.7,
    },
    {
      label: `${transport}, ask / round trip of mailboxes`,
      of: p50(`${transport}, ask`),
      against: p50(transport),
      atMost: 1.6,
    },
    {
      label: `${transport}, cost an ask with 1,000 in flight / with 16`,
      of: { kind: 'scaling', name: `${transport}, 16 and 1,000 asks in flight`, metric: 'growth' },
      atMost: 1.2,
      unit: '×',
      digits: 2,
    },
  ]),
  ...(['host', 'sender'] as const).map((side) => ({
    label: `uds, heap of an idle mailbox, ${side}`,
    of: { kind: 'footprint' as const, name: 'uds, 1,000 mailboxes', metric: `${side}Heap` },
    atMost: 4 * KIB,
    unit: ' B',
    digits: 0,
  })),
  {
    label: 'uds, heap of an idle actor',
    of: { kind: 'footprint', name: 'uds, 10,000 idle actors', metric: 'hostHeap' },
    atMost: 4 * KIB,
    unit: ' B',
    digits: 0,
  },
];

/** All of them, in the order in which they are reported. */
export const targets: readonly Target[] = [...sharedMemory, ...sockets];
