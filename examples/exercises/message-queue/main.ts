/** Exercise 2: one process writes messages into a queue, and ends; another takes them out by their type and prints them. */
import { ended, start } from '../processes.js';

await ended(start(new URL('./writer.js', import.meta.url)));
await ended(start(new URL('./reader.js', import.meta.url)));
