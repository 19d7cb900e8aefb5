import { createRuntime, peer } from '@pigeonhole/core';
import { jobs, URGENT } from './jobs.js';

await using reader = await createRuntime({ name: 'reader', transport: 'fifo' });
const queue = await reader.receiver(jobs);
await reader.receive(peer<string>('writer')); // to begin when all are there
for (;;) {
  // The earliest of that type; the others keep their places.
  const message = (await queue.tryReceive({ type: URGENT })) ?? (await queue.tryReceive());
  if (message === null) break;
  console.log(`reader: ${message.type === URGENT ? 'urgent' : 'ordinary'}: ${message.body}`);
}
