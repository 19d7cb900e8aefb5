// A runtime in a process of its own, told by messages what to do. Nothing here catches what a runtime should not let through:
// an unhandled rejection or exception ends the process with a code, and the test sees that.
import { closeSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createRuntime, mailbox, peer } from '@pigeonhole/core';

const options = JSON.parse(process.argv[2]);
const warnings = [];
const events = [];
const senders = new Map();
const receivers = new Map();
const hoard = [];
let runtime;

const address = (name, settings) => mailbox(name, settings);
const failure = ({ name, code, message }) => ({ name, code, message });

/** Answers each request with its own body, straight to whoever sent it. */
async function answer(requests) {
  for await (const { body, from } of requests) await runtime.send(peer(from), body);
}

const commands = {
  /** Joins, and unless told otherwise hosts the mailbox 'echo'. */
  async start(serving = true) {
    runtime = await createRuntime({ logger: false, config: false, transport: 'uds', ...options });
    runtime.on('warning', ({ code, message }) => warnings.push({ code, message }));
    for (const event of ['peer:up', 'peer:down', 'mailbox:lost', 'mailbox:host'])
      runtime.on(event, (details) => events.push({ event, ...details }));
    if (serving) void answer(await runtime.receiver(address('echo')));
  },
  async receiver(name, settings) {
    receivers.set(name, await runtime.receiver(address(name, settings)));
  },
  async sender(name, settings) {
    senders.set(name, await runtime.sender(address(name, settings)));
  },
  receive: (name, wait) => receivers.get(name).receive(wait),
  tryReceive: (name, wait) => receivers.get(name).tryReceive(wait),
  receiveMany: (name, max, wait) => receivers.get(name).receiveMany(max, wait),
  send: (name, body, wait) => senders.get(name).send(body, wait),
  trySend: (name, body) => senders.get(name).trySend(body),
  /** Many in one turn. */
  burst: async (name, count) => {
    await Promise.all(Array.from({ length: count }, (_, n) => senders.get(name).send({ n })));
  },
  direct: (name, wait) => runtime.receive(peer(name), wait),
  peers: () => runtime.peers(),
  warnings: () => warnings,
  events: () => events,
  close: () => runtime.close(),
  /** Every path below, without the names of its own making. */
  list: (directory) =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
      (path) => !path.startsWith('filler'),
    ),
  /** Takes all descriptors but so many. */
  hoard(spare) {
    try {
      for (;;) hoard.push(openSync('/dev/null', 'r'));
    } catch ({ code }) {
      for (const descriptor of hoard.splice(0, spare)) closeSync(descriptor);
      return code;
    }
  },
  letGo() {
    for (const descriptor of hoard.splice(0)) closeSync(descriptor);
  },
  /** Takes all inodes of a file system but so many. */
  crowd(directory, spare) {
    let made = 0;
    try {
      for (; ; made++) writeFileSync(join(directory, `filler-${made}`), '');
    } catch ({ code }) {
      for (let n = 0; n < Math.min(spare, made); n++) rmSync(join(directory, `filler-${n}`));
      return code;
    }
  },
  /** Takes all bytes of a file system. */
  fill(directory) {
    const descriptor = openSync(join(directory, 'filler'), 'w');
    try {
      for (;;) writeSync(descriptor, Buffer.alloc(4096));
    } catch ({ code }) {
      return code;
    } finally {
      closeSync(descriptor);
    }
  },
  free(directory) {
    for (const file of readdirSync(directory)) if (file.startsWith('filler')) rmSync(join(directory, file));
  },
  usage() {
    globalThis.gc?.();
    globalThis.gc?.();
    const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
    const peak = process.resourceUsage().maxRSS * 1024;
    return { heapUsed, external, arrayBuffers, rss, peak, descriptors: readdirSync('/proc/self/fd').length };
  },
};

process.on('message', async ({ id, call, args }) => {
  if (call === 'leave') return process.disconnect();
  try {
    process.send({ id, value: await commands[call](...args) });
  } catch (error) {
    process.send({ id, error: failure(error) });
  }
});
process.send({ id: 0 });
