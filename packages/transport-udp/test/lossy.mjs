// A network that loses, doubles and delays datagrams at random, from a seed: imported by a process, it stands between the process's
// UDP sockets and the kernel. LOSSY: { lose, double, delay (shares of all datagrams), seed }.
import dgram from 'node:dgram';
import { setTimeout as after } from 'node:timers';
import { threadId } from 'node:worker_threads';
import { UdpSocket } from '@pigeonhole/native';

const { lose = 0.3, double = 0.1, delay = 0.1, seed = 1 } = JSON.parse(process.env.LOSSY ?? '{}');

// mulberry32; the place of a process in the test would be a better second seed than its pid, but nobody tells it.
let state = (seed * 2654435761 + threadId) | 0;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

/** What befell them, for whoever wants to know that anything did. */
export const fate = { lost: 0, doubled: 0, delayed: 0, passed: 0 };

/** Has it be as a network may have it. */
function throughTheNetwork(prototype) {
  const { send } = prototype;
  prototype.send = function (...parameters) {
    const now = () => {
      try {
        send.apply(this, parameters);
      } catch (error) {
        // It has been closed while this was on its way.
        if (error.code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
      }
    };
    if (random() < lose) {
      fate.lost++;
      return;
    }
    if (random() < double) {
      fate.doubled++;
      now();
    }
    if (random() < delay) {
      fate.delayed++;
      after(now, random() * 8).unref();
    } else {
      fate.passed++;
      now();
    }
  };
}

// Whichever of them the transport takes.
throughTheNetwork(dgram.Socket.prototype);
throughTheNetwork(UdpSocket.prototype);
