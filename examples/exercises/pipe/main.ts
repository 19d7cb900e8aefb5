/** Exercise 1: a child sends its parent a message through a pipe; the parent prints it. */
import { createRuntime, mailbox } from '@pigeonhole/core';
import { spawnProcess } from '@pigeonhole/transport-pipe';
import { ended } from '../processes.js';

const letters = mailbox<string>('letters');

await using parent = await createRuntime({ name: 'parent', transport: 'pipe' });
// Makes two pipes (pipe2(2)), one for each direction, which the child inherits. Node's own spawn would make sockets.
const child = spawnProcess(new URL('./child.js', import.meta.url));
const { from, body } = await parent.receive(letters);
console.log(`parent: the process '${from}' says: ${body}`);
await ended(child);
