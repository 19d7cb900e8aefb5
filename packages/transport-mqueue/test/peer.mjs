// node peer.mjs OPTIONS DIRECTORY NAMESPACE NAME: a process that does as messages tell it, over message queues. OPTIONS: JSON of the transport's
// options. As 'self-test' it talks to a second runtime of its own and ends; as 'sender' it leaves three messages in mailbox 'kept' and ends.
import { createRuntime, mailbox } from '@pigeonhole/core';

const [options, directory, namespace, name] = process.argv.slice(2);
const transport = { use: 'mqueue', ...JSON.parse(options) };
const start = (name) =>
  createRuntime({ name, directory, namespace, transport, logger: false, config: false });
const runtime = await start(name);

async function serve(box, work) {
  for await (const { body } of await runtime.receiver(mailbox(box))) await work(body);
}

if (name === 'self-test') {
  const other = await start('other');
  const box = mailbox('box', { capacity: 4 });
  const receiver = await other.receiver(box);
  for (let n = 0; n < 20; n++) {
    const sent = runtime.send(box, new Uint8Array(n * 100));
    await receiver.receive();
    await sent;
  }
  await Promise.all([runtime.close(), other.close()]);
} else if (name === 'sender') {
  for (let n = 0; n < 3; n++) await runtime.send(mailbox('kept', { capacity: 4 }), { n });
  await runtime.close();
} else {
  void serve('echo', () => {});
  void serve('host', async (count) => {
    for (let n = 0; n < count; n++) await runtime.receiver(mailbox(`hosted-${n}`));
    await runtime.send(mailbox('ready'), true);
  });
  process.on('disconnect', () => process.exit());
  process.send('ready');
}
