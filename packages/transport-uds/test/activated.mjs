// node activated.mjs DIRECTORY NAMESPACE NAME: a process that listens on the socket it was started with, and says on its standard output
// what became of it, a line each; it echoes what comes in mailbox 'echo', and ends when its standard input does.
import { execFileSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { createRuntime, mailbox, peer } from '@pigeonhole/core';

const [directory, namespace, name] = process.argv.slice(2);
const transport = { use: 'uds', descriptors: 'systemd' };
const start = (as) =>
  createRuntime({ name: as, directory, namespace, transport, logger: false, config: false });
const say = (what) => console.log(JSON.stringify(what));

async function serve() {
  const runtime = await start(name);
  const second = await start(`${name}-2`).catch(({ code, message }) => ({ code, message }));
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = process.env;
  const child = execFileSync('/bin/ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
  say({
    variables: [LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES].filter((value) => value !== undefined),
    inherited: child.split('\n').filter((line) => / [3-9] -> socket:/.test(line)),
    second,
  });
  const echo = await runtime.receiver(mailbox('echo'));
  process.stdin.on('end', async () => {
    await runtime.close();
    // The socket is the manager's: the next runtime has it again.
    const next = await start(name);
    await next.close();
    say('closed');
    process.exit();
  });
  process.stdin.resume();
  say('ready');
  for await (const { body, from } of echo) await runtime.send(peer(from), body);
}

if (name === 'worker') {
  const code = `
    import { createRuntime } from '@pigeonhole/core';
    const options = { name: 'w', directory: ${JSON.stringify(directory)}, transport: ${JSON.stringify(transport)}, logger: false, config: false };
    await createRuntime(options).catch(({ code, message }) => console.log(JSON.stringify({ code, message })));`;
  const at = new URL(
    `data:text/javascript,${encodeURIComponent(code.replace("'@pigeonhole/core'", JSON.stringify(import.meta.resolve('@pigeonhole/core'))))}`,
  );
  new Worker(at);
} else await serve().catch(({ code, message }) => say({ code, message }));
