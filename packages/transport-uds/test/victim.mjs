// A runtime in a process of its own, told by messages what to do. Nothing here catches what a runtime should not let through:
// an unhandled rejection or exception ends the process with a code, and the test sees that.
import { readdirSync } from 'node:fs';
import { createRuntime, mailbox, peer } from '@pigeonhole/core';

const options = JSON.parse(process.argv[2]);
const warnings = [];
const events = [];
const senders = new Map();
const receivers = new Map();
let runtime;

const address = (name, settings) => mailbox(name, settings);
const failure = ({ name, code, message }) => ({ name, code, message });

/** Answers each request with its own body, straight to whoever sent it. */
async function echo(name) {
  const requests = await runtime.receiver(address(name));
  for await (const { body, from } of requests) await runtime.send(peer(from), body);
}

const commands = {
  async start() {
    runtime = await createRuntime({ logger: false, config: false, transport: 'uds', ...options });
    runtime.on('warning', ({ code, message }) => warnings.push({ code, message }));
    for (const event of ['peer:up', 'peer:down', 'mailbox:lost', 'mailbox:host'])
      runtime.on(event, (details) => events.push({ event, ...details }));
    void echo('echo');
    return { pid: process.pid };
  },
  async receiver(name, settings) {
    receivers.set(name, await runtime.receiver(address(name, settings)));
  },
  async sender(name, settings) {
    senders.set(name, await runtime.sender(address(name, settings)));
  },
  receive: (name, wait) => receivers.get(name).receive(wait),
  tryReceive: (name, wait) => receivers.get(name).tryReceive(wait),
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
