import { expect, test } from 'vitest';
import { createRuntime, mailbox, type Runtime, type Transport } from '../dist/index.js';
import { Child, rejection, runtimeDirectory, until } from './child.js';
import { FrameGate } from './frame-gate.js';

const join = (directory: string, name: string, transport: Transport | 'uds' = 'uds'): Promise<Runtime> =>
  createRuntime({ name, directory, namespace: 'n', transport, config: false, logger: false });

test('a mailbox that is given up while it is being opened is looked for again', async () => {
  const directory = await runtimeDirectory();
  const gate = new FrameGate();
  const host = await join(directory, 'host');
  await Promise.all([host.receiver(mailbox('m')), host.receiver(mailbox('other'))]);
  const sender = await join(directory, 'sender', gate.transport);
  await sender.sender(mailbox('other')); // the link is there
  gate.allow(0);
  const opening = sender.sender(mailbox<number>('m'));
  await until(() => gate.held > 0, 'the answer to open');
  const opened = gate.held;
  const closed = host.close({ deadline: 30_000 });
  await until(() => gate.held > opened, 'the notice that it is given up');
  gate.allow(Infinity);
  const tx = await opening;
  const sent = tx.send(1);
  await closed;
  const heir = await join(directory, 'heir');
  expect((await heir.receive(mailbox<number>('m'))).body).toBe(1);
  await sent;
  await Promise.all([sender.close(), heir.close()]);
});

test('receiveMany has what it took when the host dies before it has said that there is no more', async () => {
  const directory = await runtimeDirectory();
  const gate = new FrameGate();
  const host = await Child.joined({ directory, namespace: 'n', name: 'host' });
  await host.run(({ core, kept }) => kept.runtime.receiver(core.mailbox('m')).then(() => {}));
  const receiver = await join(directory, 'receiver', gate.transport);
  const rx = await receiver.receiver(mailbox<number>('m'));
  const many = rx.receiveMany(10);
  gate.allow(1);
  await host.run(({ core, kept }) => kept.runtime.send(core.mailbox<number>('m'), 7));
  await until(() => gate.held > 0, 'the frame after the message');
  host.signal('SIGKILL');
  await until(() => gate.held === 0, 'the end of the link');
  gate.allow(Infinity);
  expect((await many).map(({ body }) => body)).toEqual([7]);
  await receiver.close();
});

test('a send that gives up between two hosts was not accepted, and says so', async () => {
  const directory = await runtimeDirectory();
  const gate = new FrameGate();
  const host = await join(directory, 'host');
  await host.receiver(mailbox('m', { capacity: 1 }));
  const sender = await join(directory, 'sender', gate.transport);
  const tx = await sender.sender(mailbox<number>('m'));
  await tx.send(0);
  const abort = new AbortController();
  const given = rejection(tx.send(1, { signal: abort.signal }));
  const waiting = tx.send(2);
  expect(await tx.trySend(9)).toBe(false); // so the host has both sends now
  gate.allow(1);
  const closed = host.close({ deadline: 30_000 });
  await until(() => gate.held > 0, 'the second refusal');
  const reason = new Error('enough');
  abort.abort(reason);
  gate.allow(Infinity);
  expect(await given).toBe(reason);
  await closed;
  const heir = await join(directory, 'heir');
  expect((await heir.receive(mailbox<number>('m'))).body).toBe(2);
  await waiting;
  await Promise.all([sender.close(), heir.close()]);
});

test('what a select elsewhere gives back while the host leaves goes to the next host', async () => {
  const directory = await runtimeDirectory();
  const gate = new FrameGate();
  const host = await join(directory, 'host');
  const [a, b] = [mailbox<number>('a'), mailbox<number>('b')];
  await Promise.all([host.receiver(a), host.receiver(b)]);
  const selector = await join(directory, 'selector', gate.transport);
  await Promise.all([selector.receiver(a), selector.receiver(b)]);
  const selected = selector.select([a, b]);
  await selector.tryReceive(a); // so the host has the requests of select
  gate.allow(0);
  await host.send(a, 1);
  await host.send(b, 2);
  await until(() => gate.held > 0, 'both messages');
  const closed = host.close({ deadline: 30_000 });
  gate.allow(Infinity);
  const { message, source } = await selected;
  const other = source === a ? b : a;
  expect((await selector.receive(other)).body).toBe(message.body === 1 ? 2 : 1);
  expect((await closed).undelivered).toEqual([]);
  await selector.close();
});
