// node dgram-peer.mjs DIRECTORY NAMESPACE NAME: a process that does as messages tell it, over Unix datagrams. As 'self-test' it talks to
// a second runtime of its own and ends.
import { createRuntime, mailbox } from '@pigeonhole/core';

const [directory, namespace, name] = process.argv.slice(2);
const transport = { use: 'uds', socket: 'dgram' };
const start = (name) =>
  createRuntime({ name, directory, namespace, transport, logger: false, config: false });
const runtime = await start(name);
const sink = mailbox('sink');

async function serve(box, work) {
  for await (const { body } of await runtime.receiver(mailbox(box))) await work(body);
}

if (name === 'self-test') {
  const other = await start('other');
  const receiver = await other.receiver(sink);
  for (let i = 0; i < 20; i++) {
    const sent = runtime.send(sink, new Uint8Array(i * 10_000));
    await receiver.receive();
    await sent;
  }
  await Promise.all([runtime.close(), other.close()]);
} else {
  void serve(`drain-${name}`, () => {});
  void serve('host', async (count) => {
    for (let i = 0; i < count; i++) await runtime.receiver(mailbox(`hosted-${i}`));
  });
  void serve(`flood-${name}`, async ({ count, bytes }) => {
    for (let n = 0; n < count; n++)
      await runtime.send(sink, { by: name, n, bytes: new Uint8Array(bytes).fill(name.charCodeAt(0)) });
  });
  process.on('disconnect', () => process.exit());
  process.send('ready');
}
