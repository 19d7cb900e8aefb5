import { createRuntime, mailbox, peer } from '@pigeonhole/core';

const server = await createRuntime({ name: 'server', transport: 'tcp' });
process.once('SIGTERM', () => void server.close());
let count = 0;
// Ends when the runtime is closed. `from` is whom the connection belongs to, not what the message says.
for await (const { body, from } of await server.receiver(mailbox<string>('echo'))) {
  count += 1;
  await server.send(peer<string>(from), body);
}
console.log(`server: ${count} messages sent back`);
