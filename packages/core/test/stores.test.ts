/** Stores that are slow, or fail, where the one in memory does not. */
import { expect, test } from 'vitest';
import { anyPeer, mailbox, peer } from '../src/address.js';
import { createRuntime } from '../src/create-runtime.js';
import { memory } from '../src/memory.js';
import type { StoreTransport } from '../src/transport.js';

import { rejection, runtimeDirectory, until } from './child.js';

const join = async (name: string, transport: StoreTransport, options: object = {}) =>
  createRuntime({ name, namespace: 'stores', transport, config: false, logger: false, ...options });

/** The memory transport, with other channels than its own. */
function store(
  change: (open: () => ReturnType<Opener>, name: string, role: string) => ReturnType<Opener>,
  crossThread = false,
): StoreTransport {
  const inner = memory();
  return {
    ...inner,
    capabilities: { ...inner.capabilities, crossThread },
    attach: async (context) => {
      const attachment = await inner.attach(context);
      return {
        open: (spec, role) => change(() => attachment.open(spec, role), spec.name, role),
        close: () => attachment.close(),
      };
    },
  };
}
type Opener = Awaited<ReturnType<StoreTransport['attach']>>['open'];

test.each([false, true])(
  'a process is to be found once its inbox is open, as it wants it (in a directory: %s)',
  async (crossThread) => {
    const directory = await runtimeDirectory();
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    let opening = false;
    const slow = store(async (openNow, name, role) => {
      if (name === '@late' && role === 'receiver') {
        opening = true;
        await opened;
      }
      return openNow();
    }, crossThread);
    const early = await join('early', slow, { directory });
    const joining = join('late', slow, { directory, inbox: { capacity: 2 } });
    await until(() => opening, 'the inbox to be opened');
    const sent = early.send(peer<number>('late'), 1);
    expect(await early.trySend(peer<number>('late'), 0)).toBe(false);
    expect(early.peers()).toEqual([]);
    expect((await rejection(join('late', slow, { directory }))).code).toBe('ERR_IN_USE');
    open();
    const late = await joining;
    await sent;
    expect((await late.receive(anyPeer, { timeout: 10_000 })).body).toBe(1);
    expect(late.explain(anyPeer).capacity).toBe(2);
    await Promise.all([early.close(), late.close()]);
  },
);

test('a channel that cannot be closed is a warning, and keeps nothing else open', async () => {
  const closed: string[] = [];
  const stubborn = store(async (open, name) => {
    const channel = await open();
    const close = async (): Promise<void> => {
      await channel.close();
      closed.push(name);
      throw new Error(`cannot close ${name}`);
    };
    return Object.assign(Object.create(channel), { close });
  });
  const runtime = await join('stubborn', stubborn);
  const other = await join('other', stubborn);
  const warnings: string[] = [];
  runtime.on('warning', ({ message }) => void warnings.push(message));
  const sender = await runtime.sender(mailbox('m'));
  await runtime.send(peer('other'), 1);
  await sender.close();
  await until(() => warnings.includes('cannot close m'), 'the warning');
  await other.close();
  await until(() => warnings.includes('cannot close @other'), 'the other warning');
  await runtime.close();
  expect(closed).toContain('@stubborn');
});
