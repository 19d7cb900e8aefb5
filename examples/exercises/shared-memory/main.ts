/** Exercise 3: one process writes a string into shared memory; another, that never meets it, reads and prints it. */
import { ended, start } from '../processes.js';

await ended(start(new URL('./writer.js', import.meta.url)));
console.log('main: the writer has ended; what it wrote lies in shared memory');
await ended(start(new URL('./reader.js', import.meta.url)));
