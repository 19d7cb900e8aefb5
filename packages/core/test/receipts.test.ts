/** Receives of a process whose link to the host is never idle. The rule R12 has those of one whose host takes nothing. */
import { expect, onTestFinished, test } from 'vitest';
import { createRuntime, mailbox } from '../dist/index.js';
import { runtimeDirectory } from './child.js';

test.each(['uds', 'tcp', 'udp', 'fifo', { use: 'uds', socket: 'dgram' }])(
  'a process that sends without a pause receives all the same (%j)',
  async (transport) => {
    const directory = await runtimeDirectory();
    const join = async (name: string) => {
      const runtime = await createRuntime({
        ...{ name, directory, namespace: 'n', transport, config: false as const, logger: false as const },
      });
      onTestFinished(async () => void (await runtime.close({ deadline: 0 })));
      return runtime;
    };
    const [host, busy] = [await join('host'), await join('busy')];
    const [bulk, wanted] = [mailbox<Uint8Array>('bulk'), mailbox<number>('wanted')];
    const taking = await host.receiver(bulk);
    await host.receiver(wanted);
    const taken = (async () => {
      for await (const { body } of taking) expect(body.length).toBe(100_000);
    })();
    let flooding = true;
    const flood = async (): Promise<void> => {
      const sender = await busy.sender(bulk);
      while (flooding) await sender.send(new Uint8Array(100_000));
    };
    const floods = Promise.all(Array.from({ length: 8 }, flood));
    const receiver = await busy.receiver(wanted);
    for (let n = 0; n < 50; n++) {
      await host.send(wanted, n);
      expect((await receiver.receive()).body).toBe(n);
    }
    flooding = false;
    await floods;
    await taking.close();
    await taken;
  },
);
