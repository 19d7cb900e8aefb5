/** R28 over a Unix socket: what a stranger does on the port before, or instead of, saying who it is. */
import { describe, expect, test } from 'vitest';
import { frame, u32 } from './raw-frames.js';
import { type Hello, helloFrame, RawLink } from './raw-link.js';
import { RawProcess } from './raw-process.js';
import { Scene } from './scene.js';

interface Attack {
  readonly name: string;
  readonly bytes: (hello: Required<Hello>) => Uint8Array;
  readonly code: string;
  readonly message: string;
}

const never = 'f'.repeat(16);
const NO_HELLO = 'the first frame is not a hello';

const attacks: readonly Attack[] = [
  {
    name: 'garbage',
    bytes: () => Buffer.alloc(5000, 0xa5),
    code: 'ERR_FRAME',
    message: 'bytes; the limit here is 4096',
  },
  {
    name: 'zeros',
    bytes: () => Buffer.alloc(64),
    code: 'ERR_FRAME',
    message: 'says it has 0 bytes; the least is 12',
  },
  {
    name: 'HTTP',
    bytes: () => Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    code: 'ERR_FRAME',
    message: 'the limit here is 4096',
  },
  { name: 'length 11', bytes: () => u32(11, 0, 0, 0), code: 'ERR_FRAME', message: 'says it has 11 bytes' },
  { name: 'length 4097', bytes: () => u32(4097), code: 'ERR_FRAME', message: 'says it has 4097 bytes' },
  {
    name: 'length 2^32 - 1',
    bytes: () => u32(2 ** 32 - 1),
    code: 'ERR_FRAME',
    message: 'says it has 4294967295 bytes',
  },
  { name: 'a ping', bytes: () => frame('ping'), code: 'ERR_FRAME', message: NO_HELLO },
  {
    name: 'an open',
    bytes: () => frame('open', 1, 0, { mailbox: 'echo' }),
    code: 'ERR_FRAME',
    message: NO_HELLO,
  },
  { name: 'an unknown kind', bytes: () => frame(99), code: 'ERR_FRAME', message: NO_HELLO },
  {
    name: 'wrong magic',
    bytes: (hello) => helloFrame(hello, { magic: 0x50494721 }),
    code: 'ERR_FRAME',
    message: NO_HELLO,
  },
  ...[0, 2, 2 ** 32 - 1].map((version) => ({
    name: `version ${version}`,
    bytes: (hello: Hello) => helloFrame(hello, { version }),
    code: 'ERR_VERSION',
    message: `speaks link protocol version ${version}; this side speaks 1`,
  })),
  {
    name: 'a hello that is no JSON',
    bytes: () => frame('hello', 0x4e474950, 1, Buffer.from('{{')),
    code: 'ERR_FRAME',
    message: 'not JSON',
  },
  {
    name: 'a hello that is deep',
    bytes: () => frame('hello', 0x4e474950, 1, Buffer.from('['.repeat(4000))),
    code: 'ERR_FRAME',
    message: 'not JSON',
  },
  {
    name: 'a hello that is an array',
    bytes: () => helloFrame([]),
    code: 'ERR_FRAME',
    message: 'not an object',
  },
  { name: 'an empty hello', bytes: () => helloFrame({}), code: 'ERR_FRAME', message: 'names no process' },
  {
    name: 'a hello of what is no name',
    bytes: (hello) => helloFrame({ ...hello, name: '../../etc' }),
    code: 'ERR_FRAME',
    message: 'names no process',
  },
  {
    name: 'a hello of what is no incarnation',
    bytes: (hello) => helloFrame({ ...hello, incarnation: '../../etc/passwd' }),
    code: 'ERR_FRAME',
    message: 'names no process',
  },
  {
    name: 'another namespace',
    bytes: (hello) => helloFrame({ ...hello, namespace: { toString: 1 } }),
    code: 'ERR_NOT_OURS',
    message: "this is 'ns'",
  },
  {
    name: 'a hello meant for another incarnation',
    bytes: (hello) => helloFrame({ ...hello, to: never }),
    code: 'ERR_FENCED',
    message: `wanted incarnation "${never}"`,
  },
  {
    name: 'the incarnation of the process itself',
    bytes: (hello) => helloFrame({ ...hello, name: 'victim', incarnation: hello.to }),
    code: 'ERR_FENCED',
    message: 'which is this very process',
  },
  {
    name: 'a forged incarnation',
    bytes: (hello) => helloFrame({ ...hello, incarnation: never }),
    code: 'ERR_NOT_OURS',
    message: 'no such process has joined',
  },
  {
    name: 'the incarnation of one process under the name of another',
    bytes: (hello) => helloFrame({ ...hello, name: 'honest' }),
    code: 'ERR_NOT_OURS',
    message: "a process says it is 'honest'",
  },
  {
    name: 'a second hello at once',
    bytes: (hello) => Buffer.concat([helloFrame(hello), helloFrame(hello)]),
    code: 'ERR_FRAME',
    message: 'a second hello',
  },
  {
    name: 'an open before the answer',
    bytes: (hello) => Buffer.concat([helloFrame(hello), frame('open', 1, 0, { mailbox: 'echo' })]),
    code: 'ERR_FRAME',
    message: NO_HELLO,
  },
];

describe('a stranger', () => {
  test('that breaks the handshake is told why, warned of and closed, and nobody else is', async () => {
    const scene = await Scene.set();
    const rogue = await RawProcess.join('rogue', scene.target);
    const hello = {
      namespace: scene.target.namespace,
      name: rogue.name,
      incarnation: rogue.incarnation,
      to: scene.target.incarnation,
    };
    for (const { name, bytes, code, message } of attacks) {
      const link = await RawLink.connect(scene.port);
      link.write(bytes(hello));
      const told = await link.broken(name);
      expect.soft(told.code, name).toBe(code);
      expect.soft(told.message, name).toContain(message);
      const { message: warning } = await scene.victim.warned(code, message);
      expect.soft(warning, name).toMatch(/^link with a process that has not said who it is closed: /);
      await scene.exchange();
    }
    expect(await scene.survived()).toHaveLength(attacks.length);
  });

  test('that says good-bye instead of hello is warned of', async () => {
    const scene = await Scene.set();
    const link = await RawLink.connect(scene.port);
    link.write(frame('error', 0, 0, { code: 'ERR_VERSION', message: 'too new for me' }));
    await scene.victim.warned('ERR_VERSION', 'closed the link: too new for me');
    await scene.survived();
  });

  test('that clings to the connection after it was broken does not keep it, nor the process alive', async () => {
    const scene = await Scene.set();
    const before = (await scene.victim.usage()).descriptors;
    const links: RawLink[] = [];
    for (let n = 0; n < 20; n++) {
      const link = await RawLink.connect(scene.port, { polite: false });
      link.write(Buffer.alloc(100, 0xff));
      await link.broken('garbage');
      links.push(link);
    }
    await scene.letGo(before);
    await scene.survived();
  });
});
