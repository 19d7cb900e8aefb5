import { expect, test } from 'vitest';
import { createRuntime, mailbox, type Transport } from '../dist/index.js';
import { rejection, runtimeDirectory, until } from './child.js';
import { FrameGate } from './frame-gate.js';

test('a receive whose message goes back, in one piece with the notice that the mailbox moves, goes on at the next host', async () => {
  const directory = await runtimeDirectory();
  const gate = new FrameGate();
  const join = (name: string, transport: Transport | 'uds' = 'uds') =>
    createRuntime({ name, directory, namespace: 'n', transport, config: false, logger: false });
  const host = await join('host');
  const m = mailbox<string>('m');
  await host.receiver(m);
  const receiver = await join('receiver', gate.transport);
  const rx = await receiver.receiver(m);
  const abort = new AbortController();
  const given = rejection(rx.receive({ type: 1, signal: abort.signal }));
  const kept = rx.receive({ type: 2 });
  await rx.tryReceive(); // the host has both
  gate.allow(0);
  await host.send(m, 'one', { type: 1 });
  await host.send(m, 'two', { type: 2 });
  await until(() => gate.held > 0, 'both messages');
  const messages = gate.held;
  const closed = host.close({ deadline: 30_000 });
  await until(() => gate.held > messages, 'the notice');
  abort.abort();
  await given;
  gate.allow(Infinity);
  expect((await kept).body).toBe('two');
  expect((await rx.receive()).body).toBe('one');
  expect((await closed).undelivered).toEqual([]);
  await receiver.close();
});
