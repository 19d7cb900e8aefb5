// node orphan.mjs DIRECTORY: starts a child, sends it a message and is killed. The child prints what it then sees, and ends by itself.
import { createRuntime, mailbox } from '@pigeonhole/core';
import { spawnProcess } from '@pigeonhole/transport-pipe';

const [directory, name = 'parent'] = process.argv.slice(2);
const settings = { directory, namespace: 'orphan', transport: 'pipe', logger: false, config: false };
if (name === 'parent') {
  spawnProcess(process.argv[1], { args: [directory, 'child'], stdio: 'inherit' });
  const runtime = await createRuntime({ ...settings, name });
  await runtime.send(mailbox('m'), 1);
  process.kill(process.pid, 'SIGKILL');
}
const runtime = await createRuntime({ ...settings, name });
const { body } = await runtime.receive(mailbox('m'));
runtime.on('peer:down', async (peer) => {
  await runtime.close();
  console.log(`received ${body}; saw ${peer.name} die`);
});
