import { createRuntime, mailbox } from '@pigeonhole/core';

await using reader = await createRuntime({ name: 'reader', transport: 'shm' });
const { body, from } = await reader.receive(mailbox<string>('note'));
console.log(`reader: '${from}' left this: ${body}`);
// The last one to leave an empty mailbox removes it.
