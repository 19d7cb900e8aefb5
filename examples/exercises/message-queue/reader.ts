import { createRuntime } from '@pigeonhole/core';
import { jobs, transport, URGENT } from './jobs.js';

await using reader = await createRuntime({ name: 'reader', transport });
const queue = await reader.receiver(jobs);
for (;;) {
  // The earliest of that type; the others keep their places.
  const message = (await queue.tryReceive({ type: URGENT })) ?? (await queue.tryReceive());
  if (message === null) break;
  console.log(`reader: ${message.type === URGENT ? 'urgent' : 'ordinary'}: ${message.body}`);
}
