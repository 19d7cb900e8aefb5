import { createRuntime, mailbox, peer } from '@pigeonhole/core';

const [name = ''] = process.argv.slice(2);
await using client = await createRuntime({ name, transport: 'tcp' });
for (const word of ['one', 'two', 'three']) {
  await client.send(mailbox<string>('echo'), `${word} of ${name}`);
  const { body } = await client.receive(peer<string>('server'));
  console.log(`${name}: back came '${body}'`);
}
