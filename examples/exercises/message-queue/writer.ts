import { createRuntime, peer } from '@pigeonhole/core';
import { jobs, ORDINARY, URGENT } from './jobs.js';

await using writer = await createRuntime({ name: 'writer', transport: 'fifo' });
const queue = await writer.sender(jobs);
await queue.send('sweep the floor', { type: ORDINARY });
await queue.send('put out the fire', { type: URGENT });
await queue.send('water the plants', { type: ORDINARY });
await queue.send('call a doctor', { type: URGENT });
console.log('writer: 4 jobs are in the queue');
await writer.send(peer<string>('reader'), 'all written');
