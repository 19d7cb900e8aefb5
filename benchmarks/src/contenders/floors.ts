/** C ping-pongs over each mechanism, 64 bytes both ways, and how fast memory is copied. */

import type { Case } from '../contender.js';
import { compilerExists } from '../floors.js';

const MECHANISMS = {
  spin: 'shared memory, spinning',
  futex: 'shared memory, futex',
  pipe: 'pipe',
  fifo: 'FIFO',
  mqueue: 'POSIX message queue',
  unix: 'Unix socket',
  tcp: 'TCP',
  udp: 'UDP',
};

/** The others are near one of these. */
const MAIN = ['spin', 'futex', 'unix'];

function pingPong(argument: string, name: string): Case {
  const floor: Case = { kind: 'floor', name: `C, ${name}, 64 B`, program: 'ping-pong', args: [argument] };
  return MAIN.includes(argument) ? floor : { ...floor, detail: true };
}

function copy(bytes: number, name: string): Case {
  return { kind: 'floor', name: `C, memcpy, ${name}`, program: 'copy', args: [String(bytes)] };
}

export const absent = compilerExists() ? undefined : 'there is no C compiler (cc)';

export const cases: readonly Case[] = [
  ...Object.entries(MECHANISMS).map(([argument, name]) => pingPong(argument, name)),
  copy(2 ** 20, '1 MiB'),
  { ...copy(2 ** 16, '64 KiB'), detail: true },
];
