/** Exercise 5: a server that sends back what it is sent, and several clients at once, over TCP sockets. */
import { ended, start } from '../processes.js';

const CLIENTS = ['ann', 'ben', 'cem', 'dua', 'eve'];

const server = start(new URL('./server.js', import.meta.url));
const stopped = ended(server);
try {
  await ended(...CLIENTS.map((name) => start(new URL('./client.js', import.meta.url), name)));
} finally {
  server.kill('SIGTERM');
}
await stopped;
