import { createRuntime, mailbox } from '@pigeonhole/core';

await using writer = await createRuntime({ name: 'writer', transport: 'shm' });
await writer.send(mailbox<string>('note'), 'written by a process that is gone');
console.log('writer: written');
