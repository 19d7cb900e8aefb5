// A process of a test's family. It does what its parent asks over the IPC channel, in its order: see family.ts.
import { readdirSync, readlinkSync } from 'node:fs';
import { createRuntime, mailbox } from '@pigeonhole/core';
import { spawnProcess } from '@pigeonhole/transport-pipe';

let runtime;
const children = [];
const events = [];

const orders = {
  async join(settings) {
    runtime = await createRuntime({ transport: 'pipe', logger: false, config: false, ...settings });
    for (const name of ['peer:up', 'peer:down', 'warning'])
      runtime.on(name, (payload) => events.push(`${name} ${payload.name ?? payload.code}`));
  },
  events: () => events,
  send: ([name, body]) => runtime.send(mailbox(name), body),
  receive: async (name) => {
    const { body, from } = await runtime.receive(mailbox(name));
    return { body, from };
  },
  host: async (name) => void (await runtime.receiver(mailbox(name))),
  hostAll: async ([from, to]) => {
    for (let n = from; n < to; n++) await runtime.receiver(mailbox(`m${n}`));
  },
  sendAll: async ([from, to]) => {
    for (let n = from; n < to; n++) await runtime.send(mailbox(`m${n}`), n);
  },
  where: (name) => runtime.explain(mailbox(name)).details.place,
  close: () => runtime.close(),
  descriptors: () =>
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return [`${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`];
      } catch {
        return []; // of the listing itself
      }
    }),
  spawn: async () => {
    const child = spawnProcess(new URL(import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    children.push(child);
    await new Promise((resolve) => child.once('message', resolve));
    return child.pid;
  },
  // Passes an order on to the child of that number.
  child: ([at, order, value]) =>
    new Promise((resolve, reject) => {
      const child = children[at];
      const answer = ({ id, result, error }) => {
        if (id !== 'passed on') return;
        child.off('message', answer);
        if (error) reject(new Error(error));
        else resolve(result);
      };
      child.on('message', answer);
      child.send({ id: 'passed on', order, value });
    }),
};

process.on('message', async ({ id, order, value }) => {
  const reply = (answer) => process.connected && process.send({ id, ...answer });
  try {
    reply({ result: await orders[order](value) });
  } catch (error) {
    reply({ error: `${error.code ?? ''} ${error.message}` });
  }
});
process.on('disconnect', () => process.exit());
process.send('ready');
