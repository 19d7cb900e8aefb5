/** Exercise 2: one process writes messages into a queue; another takes them out by their type and prints them. */
import { ended, start } from '../processes.js';

const writer = start(new URL('./writer.js', import.meta.url));
const reader = start(new URL('./reader.js', import.meta.url));
await ended(writer, reader);
