// A runtime in a process of its own, told by messages what to do. Nothing here catches what a runtime should not let through.
import { createRuntime, mailbox, peer } from '@pigeonhole/core';

const options = JSON.parse(process.argv[2]);
const events = [];
const handles = new Map();
let runtime;

const commands = {
  async start() {
    runtime = await createRuntime({ logger: false, config: false, ...options });
    for (const event of ['peer:up', 'peer:down', 'mailbox:lost', 'mailbox:host'])
      runtime.on(event, (details) => events.push({ event, ...details }));
    runtime.on('warning', ({ code, message }) => events.push({ event: 'warning', code, message }));
  },
  receiver: async (name, settings) =>
    void handles.set(`receive ${name}`, await runtime.receiver(mailbox(name, settings))),
  sender: async (name, settings) =>
    void handles.set(`send ${name}`, await runtime.sender(mailbox(name, settings))),
  send: (name, body, wait) => handles.get(`send ${name}`).send(body, wait),
  receive: (name, wait) => handles.get(`receive ${name}`).receive(wait),
  tryReceive: (name) => handles.get(`receive ${name}`).tryReceive(),
  sendDirect: (name, body, wait) => runtime.send(peer(name), body, wait),
  receiveDirect: (name, wait) => runtime.receive(peer(name), wait),
  /** Many sends in one turn. */
  burst: async (name, count) => {
    await Promise.all(Array.from({ length: count }, (_, n) => handles.get(`send ${name}`).send({ n })));
  },
  /** One send after another, and what became of each: `accepted` or the error's code. */
  stream: async (name, from, count) => {
    const outcomes = [];
    for (let n = from; n < from + count; n++)
      outcomes.push(
        await handles
          .get(`send ${name}`)
          .send(n)
          .then(
            () => 'accepted',
            ({ code }) => code,
          ),
      );
    return outcomes;
  },
  /** As `stream`, each a byte; how many were accepted. */
  trickle: async (name, count) => {
    for (let n = 0; n < count; n++) await handles.get(`send ${name}`).send(new Uint8Array([n]));
    return count;
  },
  /** So many bodies of so many bytes, as fast as they go; how many were accepted. */
  flood: async (name, count, bytes) => {
    const bodies = Array.from({ length: count }, (_, n) => new Uint8Array(bytes).fill(n));
    return (await Promise.all(bodies.map((body) => handles.get(`send ${name}`).send(body)))).length;
  },
  /** The first and the last byte of each of so many bodies, in the order in which they came. */
  drain: async (name, count) => {
    const seen = [];
    while (seen.length < count) {
      const { body } = await handles.get(`receive ${name}`).receive();
      seen.push([body[0], body.at(-1), body.length]);
    }
    return seen;
  },
  closeReceiver: (name) => handles.get(`receive ${name}`).close(),
  peers: () => runtime.peers(),
  explain: (name) => runtime.explain(mailbox(name)),
  events: () => events,
  close: () => runtime.close(),
  /** Keeps the event loop busy. */
  block(milliseconds) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
  },
};

process.on('message', async ({ id, call, args }) => {
  if (call === 'leave') return process.disconnect();
  try {
    process.send({ id, value: await commands[call](...args) });
  } catch (error) {
    process.send({ id, error: { name: error.name, code: error.code, message: error.message } });
  }
});
process.send({ id: 0 });
