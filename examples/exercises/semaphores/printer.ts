import { writeSync } from 'node:fs';
import { createRuntime } from '@pigeonhole/core';
import { semaphore, TURNS } from './semaphore.js';

const [word = '', next = ''] = process.argv.slice(2);
await using printer = await createRuntime({ name: word, transport: 'shm' });
const own = await printer.receiver(semaphore(word));
const others = await printer.sender(semaphore(next));
for (let turn = 1; turn <= TURNS; turn++) {
  own.receiveSync(); // blocks this thread, in the kernel, until it is our turn
  writeSync(1, `${word} ${turn}\n`);
  others.sendSync(null);
}
