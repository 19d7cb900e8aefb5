/** R28 over Unix sockets: strangers in great number, strangers that say nothing, and strangers that say it slowly. */
import { describe, expect, test } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import { frame } from './raw-frames.js';
import { helloFrame, RawLink } from './raw-link.js';
import { RawProcess } from './raw-process.js';
import { honestRuntime, Scene } from './scene.js';

const MiB = 2 ** 20;
const CROWD = 1000;
/** What a process may hold for all its strangers together: 256 links and 256 presence connections. */
const BOUND = 16 * MiB;

type Door = 'port' | 'presence';

async function crowd(scene: Scene, door: Door, bytes?: Uint8Array): Promise<RawLink[]> {
  const links: RawLink[] = [];
  for (let n = 0; n < CROWD; n++) {
    const link = await RawLink.connect(scene[door], { polite: false });
    if (bytes !== undefined) link.write(bytes);
    links.push(link);
  }
  return links;
}

/** The first half of a hello that would be in order. */
function half(scene: Scene, rogue: RawProcess): Buffer {
  const { name, incarnation, target } = rogue;
  const whole = helloFrame({ namespace: target.namespace, name, incarnation, to: scene.target.incarnation });
  return whole.subarray(0, whole.length >> 1);
}

describe.each<Door>(['port', 'presence'])('%s: a thousand strangers that say nothing', (door) => {
  test('keep nobody out, known or new, and cost little', async () => {
    const scene = await Scene.set();
    const before = await scene.victim.usage();
    const links = await crowd(scene, door);
    await scene.exchange();
    const newcomer = await honestRuntime(scene.directory);
    await scene.exchange(newcomer);
    await until(
      () => links.filter(({ ended, closed }) => ended || closed).length >= CROWD - 256,
      'most to be sent away',
    );
    const after = await scene.victim.usage();
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(BOUND);
    expect(after.descriptors - before.descriptors).toBeLessThan(256 + 16);
    for (const link of links) link.destroy();
    await scene.letGo(before.descriptors + 4);
    await newcomer.close();
    await scene.survived();
  });
});

describe('strangers that never finish', () => {
  test('are closed, however they spin it out', async () => {
    const scene = await Scene.set();
    const rogue = await RawProcess.join('rogue', scene.target);
    const links = {
      'silent on the port': await RawLink.connect(scene.port, { polite: false }),
      'half a hello on the port': await RawLink.connect(scene.port, { polite: false }),
      'a frame that never ends on the port': await RawLink.connect(scene.port, { polite: false }),
      'a hello byte by byte on the port': await RawLink.connect(scene.port, { polite: false }),
      'silent on the presence socket': await RawLink.connect(scene.presence, { polite: false }),
      'half a line on the presence socket': await RawLink.connect(scene.presence, { polite: false }),
      'a line byte by byte on the presence socket': await RawLink.connect(scene.presence, { polite: false }),
    };
    links['half a hello on the port'].write(half(scene, rogue));
    links['a frame that never ends on the port'].write(
      frame('hello', 0x4e474950, 1, Buffer.alloc(4000)).subarray(0, 4000),
    );
    links['half a line on the presence socket'].write(Buffer.from('{"is":"hello","peer":{'));
    const drip = setInterval(() => {
      links['a hello byte by byte on the port'].socket.write(Buffer.from([0xff, 0x0f, 0, 0]).subarray(2, 3));
      links['a line byte by byte on the presence socket'].socket.write('x');
    }, 100);
    try {
      for (const [name, link] of Object.entries(links))
        await until(() => link.ended || link.closed, `the victim to close: ${name}`);
    } finally {
      clearInterval(drip);
    }
    await scene.victim.warned('ERR_FRAME', 'no hello came within 10000 ms');
    await scene.survived();
  });
});
