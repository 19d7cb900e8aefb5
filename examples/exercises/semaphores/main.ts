/** Exercise 4: two processes print alternately, kept in step by two binary semaphores in shared memory. */
import { createRuntime } from '@pigeonhole/core';
import { ended, start } from '../processes.js';
import { semaphore, TURNS } from './semaphore.js';

await using main = await createRuntime({ name: 'main', transport: 'shm' });
const printer = new URL('./printer.js', import.meta.url);
const printers = [start(printer, 'ping', 'pong'), start(printer, 'pong', 'ping')];
await main.send(semaphore('ping'), null); // ping begins
await ended(...printers);
// After the last pong it would be ping's turn again.
await main.receive(semaphore('ping'));
console.log(`main: ${TURNS} rounds`);
