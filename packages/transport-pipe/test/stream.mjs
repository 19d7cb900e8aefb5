// node stream.mjs DIRECTORY: a child sends its parent messages, many a turn. Prints the child's pipes and how many messages came.
import { readlinkSync } from 'node:fs';
import { createRuntime, mailbox } from '@pigeonhole/core';
import { spawnProcess } from '@pigeonhole/transport-pipe';

const TURNS = 20;
const EACH = 100;
const [directory, name = 'parent'] = process.argv.slice(2);
const sink = mailbox('sink', { capacity: 'unbounded' });
const settings = { directory, namespace: 'stream', transport: 'pipe', logger: false, config: false };

if (name === 'parent') {
  const runtime = await createRuntime({ ...settings, name });
  const receiver = await runtime.receiver(sink);
  const child = spawnProcess(process.argv[1], { args: [directory, 'child'], stdio: 'inherit' });
  const pipes = [3, 4].map((fd) => readlinkSync(`/proc/${child.pid}/fd/${fd}`));
  let received = 0;
  while (received < TURNS * EACH) received += (await receiver.receiveMany(EACH)).length;
  await runtime.close();
  console.log(`${pipes.join()} ${received}`);
} else {
  const runtime = await createRuntime({ ...settings, name });
  for (let turn = 0; turn < TURNS; turn++)
    await Promise.all(Array.from({ length: EACH }, (_, at) => runtime.send(sink, { turn, at })));
  await runtime.close();
}
