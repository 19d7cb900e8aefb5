/** R28 over a Unix socket: links that keep the format and break the peace, by a process that has joined. */
import { expect, test } from 'vitest';
import { frame, pullFrame, sendFrame } from './raw-frames.js';
import { RawProcess } from './raw-process.js';
import { Scene } from './scene.js';

test('numbers in whatever order, and then no word more, leave nothing behind', async () => {
  const scene = await Scene.set();
  const { victim } = scene;
  await victim.call('receiver', 'm', { capacity: 1 });
  await victim.call('sender', 'm');
  const rogue = await RawProcess.join('rogue', scene.target);
  const idle = await scene.idle(rogue);
  for (const numbers of [
    [9, 4105, 8192],
    [2 ** 32 - 1, 0, 2 ** 31, 4096, 8192, 12_288, 1],
  ]) {
    const link = await rogue.link();
    link.write(frame('open', 1, 0, { mailbox: 'm' }), ...numbers.map((number) => pullFrame(1, number)));
    link.write(...numbers.map((number) => frame('cancelPull', 1, number)));
    link.write(...numbers.map((number) => sendFrame(1, number)), frame('ping', 0, 7));
    await link.next('pong');
    // One was accepted; the others wait for space, and go with their link.
    expect(link.all('accept')).toHaveLength(1);
    link.destroy();
    await scene.letGo(idle);
    expect(await victim.call('tryReceive', 'm')).toMatchObject({ from: 'rogue' });
    expect(await victim.call('tryReceive', 'm')).toBeNull();

    const again = await rogue.link();
    again.write(frame('open', 1, 0, { mailbox: 'm' }), ...numbers.map((number) => pullFrame(1, number)));
    again.write(frame('ping', 0, 8));
    await again.next('pong');
    again.destroy();
    await scene.letGo(idle);
    await victim.call('send', 'm', 'for one who lives');
    expect(await victim.call('tryReceive', 'm')).toMatchObject({ body: 'for one who lives' });
    await scene.exchange();
  }
  expect(await scene.survived()).toEqual([]);
});
