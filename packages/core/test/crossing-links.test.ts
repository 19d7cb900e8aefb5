/** Two processes that dial each other at once: they have two links for a moment, and use one. */
import uds from '@pigeonhole/transport-uds';
import { expect, test } from 'vitest';
import { createRuntime, mailbox, type Runtime } from '../dist/index.js';
import type { Link, LinkTransport } from '../src/transport.js';
import { filesIn, runtimeDirectory, until } from './child.js';

/** What was written on each link of one process, and how often it has dialled. */
class Watched {
  readonly writes: { count: number }[] = [];
  dials = 0;

  watch<T extends Link>(link: T): T {
    const entry = { count: 0 };
    const write = link.write.bind(link);
    this.writes.push(entry);
    link.write = (batch) => {
      entry.count++;
      return write(batch);
    };
    return link;
  }

  /** Unix sockets; `go` lets a dial begin. */
  transport(go: () => Promise<void>): LinkTransport {
    const inner = uds();
    return {
      ...inner,
      open: async (context) => {
        const port = await inner.open({ ...context, accept: (link) => context.accept(this.watch(link)) });
        return {
          address: port.address,
          connect: async (address, handler) => {
            this.dials++;
            await go();
            return this.watch(await port.connect(address, handler));
          },
          close: () => port.close(),
        };
      },
    };
  }
}

async function exchange(asker: Runtime, answerer: Runtime, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await asker.send(mailbox<number>('questions'), i);
    const { body } = await answerer.receive(mailbox<number>('questions'), { timeout: 30_000 });
    await answerer.send(mailbox<number>('answers'), body + 1);
    expect((await asker.receive(mailbox<number>('answers'), { timeout: 30_000 })).body).toBe(i + 1);
  }
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
};

// Turns of the event loop by which one of the two dials later, once both have begun.
test.each([0, 1, 2, 3, 5, 8, -1, -2, -3, -5, -8])(
  'two that dial each other at once use one link (%i turns apart)',
  async (apart) => {
    const directory = await runtimeDirectory();
    const [one, other] = [new Watched(), new Watched()];
    const both = (late: number) => async (): Promise<void> => {
      if (one.dials + other.dials <= 2) await until(() => one.dials > 0 && other.dials > 0, 'both to dial');
      await turns(late);
    };
    const options = (name: string, transport: LinkTransport) => ({
      ...{ name, directory, namespace: 'n', transport, config: false as const, logger: false as const },
    });
    const asker = await createRuntime(options('asker', one.transport(both(Math.max(apart, 0)))));
    const answerer = await createRuntime(options('answerer', other.transport(both(Math.max(-apart, 0)))));
    await Promise.all([asker.receiver(mailbox('answers')), answerer.receiver(mailbox('questions'))]);
    // Each has its first message for the other before either has a link.
    await Promise.all([asker.send(mailbox('questions'), -1), answerer.send(mailbox('answers'), -1)]);
    await Promise.all([asker.receive(mailbox('answers')), answerer.receive(mailbox('questions'))]);
    const before = [...one.writes, ...other.writes].map(({ count }) => count);
    await exchange(asker, answerer, 5);
    for (const { writes } of [one, other]) {
      const index = writes === one.writes ? 0 : one.writes.length;
      expect(writes.filter(({ count }, i) => count > (before[index + i] ?? 0))).toHaveLength(1);
    }
    await Promise.all([asker.close(), answerer.close()]);
    expect(await filesIn(directory)).toEqual([]);
  },
);
