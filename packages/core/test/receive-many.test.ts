import { expect, test } from 'vitest';
import { createRuntime, mailbox } from '../dist/index.js';
import { type Codec, CodecId } from '../src/codec.js';
import { rejection, runtimeDirectory } from './child.js';

/** Numbers of one byte, of which 13 cannot be decoded. */
const unlucky: Codec = {
  name: 'unlucky',
  id: CodecId.custom,
  encode: (body) => Uint8Array.of(body as number),
  decode: ([number]) => {
    if (number === 13) throw new Error('unlucky');
    return number;
  },
  verify: () => {},
};

test.each(['memory', 'uds'])(
  'a message over %s that cannot be decoded does not take along those received before it',
  async (transport) => {
    const directory = await runtimeDirectory();
    const join = (name: string) =>
      createRuntime({
        name,
        directory,
        namespace: `many-${transport}`,
        transport,
        config: false,
        logger: false,
      });
    const host = await join('host');
    const other = await join('other');
    const box = mailbox<number>('m', { codec: unlucky });
    const [rx, far] = [await host.receiver(box), await other.receiver(box)];
    for (const each of [far, rx]) {
      for (const number of [1, 2, 13, 3]) await host.send(box, number);
      expect((await each.receiveMany()).map(({ body }) => body)).toEqual([1, 2]);
      expect(await rejection(each.receiveMany())).toMatchObject({ code: 'ERR_CORRUPT' });
      expect((await each.receiveMany()).map(({ body }) => body)).toEqual([3]);
    }
    await Promise.all([host.close(), other.close()]);
  },
);
