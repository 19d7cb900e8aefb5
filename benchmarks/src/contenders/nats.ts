/**
 * NATS: a broker, which each message passes through, and whose own CPU time is not counted; where `nats-server` is on the PATH. Publishing knows no bound of its own: the consumer
 * answers each 256th message, and at most 2,048 are under way.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Case, Close, Place } from '../contender.js';
import type { Order } from '../load/order.js';

const SERVER = 'nats-server';
/** The shell ends the server when its own input ends: however the process ends that holds the other end. */
const WITH_PARENT = '"$0" "$@" & read -r _; kill -9 $!; wait';
const ANSWER_EACH = 256;
const UNDER_WAY = 2_048;
const LOOK = 10;
const PATIENCE = 10_000;

export const absent =
  spawnSync(SERVER, ['--version'], { stdio: 'ignore' }).status === 0 ? undefined : `no ${SERVER} on the PATH`;

/** The server writes the port that it chose to a file of the case's directory. */
function portIn(directory: string): string | undefined {
  const file = readdirSync(directory).find((name) => name.endsWith('.ports'));
  if (file === undefined) return undefined;
  const text = readFileSync(`${directory}/${file}`, 'utf8');
  try {
    return (JSON.parse(text) as { nats: string[] }).nats[0];
  } catch {
    return undefined; // not wholly written yet
  }
}

async function serverIn(directory: string): Promise<ChildProcess> {
  const args = ['--addr', '127.0.0.1', '--port', '-1', '--ports_file_dir', directory];
  const server = spawn('sh', ['-c', WITH_PARENT, SERVER, ...args], { stdio: ['pipe', 'ignore', 'ignore'] });
  const end = performance.now() + PATIENCE;
  while (portIn(directory) === undefined) {
    if (performance.now() > end || server.exitCode !== null) throw new Error(`${SERVER} does not start`);
    await pause(LOOK);
  }
  return server;
}

/** Connects; the leading process starts the server first. */
async function client(place: Place): Promise<NatsConnection> {
  return connect({ servers: portIn(place.directory) ?? 'none' });
}

async function withServer(place: Place): Promise<{ connection: NatsConnection; close: Close }> {
  const server = await serverIn(place.directory);
  const connection = await client(place);
  const close = async (): Promise<void> => {
    await connection.close();
    server.stdin?.end();
  };
  return { connection, close };
}

export const cases: readonly Case[] = [
  {
    kind: 'one-way',
    name: 'NATS, JSON',
    async consume(place, take) {
      const { connection, close } = await withServer(place);
      let taken = 0;
      connection.subscribe('orders', {
        callback: (_error, message) => {
          take(message.json<Order>());
          taken += 1;
          if (taken % ANSWER_EACH === 0) connection.publish('taken');
        },
      });
      await connection.flush();
      return close;
    },
    async produce(place) {
      const connection = await client(place);
      let underWay = 0;
      let room: () => void = () => undefined;
      connection.subscribe('taken', {
        callback: () => {
          underWay -= ANSWER_EACH;
          room();
        },
      });
      await connection.flush();
      return {
        async send(source) {
          while (source.more()) {
            if (underWay >= UNDER_WAY)
              await new Promise<void>((resolve) => {
                room = resolve;
              });
            underWay += 1;
            connection.publish('orders', JSON.stringify(source.next()));
          }
        },
        close: () => connection.close(),
      };
    },
  },
  {
    kind: 'round-trip',
    name: 'NATS request, JSON',
    async request(place) {
      const connection = await client(place);
      return {
        exchange: async (body) => (await connection.request('ask', JSON.stringify(body))).json<Order>(),
        close: () => connection.close(),
      };
    },
    async respond(place) {
      const { connection, close } = await withServer(place);
      connection.subscribe('ask', {
        callback: (_error, message) => void message.respond(JSON.stringify(message.json<Order>())),
      });
      await connection.flush();
      return close;
    },
  },
];
