import { createRuntime, mailbox } from '@pigeonhole/core';

await using child = await createRuntime({ name: 'child', transport: 'pipe' });
console.log('child: sending');
// Resolves when the parent's mailbox has the message, so this process may end.
await child.send(mailbox<string>('letters'), 'Hello, parent.');
