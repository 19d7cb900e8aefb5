import { createRuntime } from '@pigeonhole/core';
import { jobs, ORDINARY, transport, URGENT } from './jobs.js';

await using writer = await createRuntime({ name: 'writer', transport });
const queue = await writer.sender(jobs);
await queue.send('sweep the floor', { type: ORDINARY });
await queue.send('put out the fire', { type: URGENT });
await queue.send('water the plants', { type: ORDINARY });
await queue.send('call a doctor', { type: URGENT });
console.log('writer: 4 jobs are in the queue');
