import type { StandardSchemaV1 } from '@standard-schema/spec';
import * as v from 'valibot';
import { describe, expectTypeOf, test } from 'vitest';
import {
  type AnyPeerAddress,
  anyPeer,
  createRuntime,
  type MailboxAddress,
  type Message,
  mailbox,
  type PeerAddress,
  peer,
  type Receiver,
  type Runtime,
  type Sender,
} from '../dist/index.js';

interface Order {
  readonly id: number;
  readonly items: readonly string[];
}

/** Checked by the compiler only: `use` is never called. */
function compiled(_use: (runtime: Runtime) => Promise<unknown>): void {}

describe('addresses carry the type of their messages', () => {
  test('a mailbox', () => {
    expectTypeOf(mailbox<Order>('orders')).toEqualTypeOf<MailboxAddress<Order>>();
    expectTypeOf(mailbox('orders')).toEqualTypeOf<MailboxAddress<unknown>>();
    expectTypeOf(peer<Order>('ledger')).toEqualTypeOf<PeerAddress<Order>>();
    expectTypeOf(anyPeer).toEqualTypeOf<AnyPeerAddress>();
    compiled(async () => {
      // @ts-expect-error no such option
      mailbox('orders', { size: 3 });
      // @ts-expect-error a name is a string
      mailbox(3);
    });
  });

  test('a mailbox whose schema says it', () => {
    const schema = v.object({ id: v.number(), note: v.optional(v.string()) });
    const orders = mailbox('orders', { schema });
    expectTypeOf(orders).toEqualTypeOf<MailboxAddress<{ id: number; note?: string | undefined }>>();
    const plain: StandardSchemaV1<unknown, Order> = {
      '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as Order }) },
    };
    expectTypeOf(mailbox('orders', { schema: plain })).toEqualTypeOf<MailboxAddress<Order>>();
    expectTypeOf(peer('ledger', { schema: plain })).toEqualTypeOf<PeerAddress<Order>>();
  });
});

describe('a schema that transforms', () => {
  const schema = v.object({ id: v.pipe(v.string(), v.transform(Number)) });
  interface Sent {
    id: string;
  }
  interface Received {
    id: number;
  }

  test('gives an address both types', () => {
    const inferred = mailbox('orders', { schema, capacity: 3 });
    expectTypeOf(inferred).branded.toEqualTypeOf<MailboxAddress<Received, Sent>>();
    expectTypeOf(mailbox<Received, Sent>('orders', { schema })).toEqualTypeOf<
      MailboxAddress<Received, Sent>
    >();
    expectTypeOf(peer('ledger', { schema })).branded.toEqualTypeOf<PeerAddress<Received, Sent>>();
    // As before: who names one type means both.
    expectTypeOf(mailbox<Received>('orders', { schema })).toEqualTypeOf<MailboxAddress<Received>>();
  });

  test('is sent what it takes, and received what it gives', () => {
    const orders = mailbox('orders', { schema });
    compiled(async (runtime) => {
      await runtime.send(orders, { id: '7' });
      await runtime.trySend(orders, { id: '7' });
      // @ts-expect-error that is what comes out
      await runtime.send(orders, { id: 7 });
      await (await runtime.sender(orders)).send({ id: '7' });
      expectTypeOf((await runtime.receive(orders)).body.id).toEqualTypeOf<number>();
      expectTypeOf((await (await runtime.receiver(orders)).receive()).body.id).toEqualTypeOf<number>();
      expectTypeOf((await runtime.select([orders])).message.body.id).toEqualTypeOf<number>();
      await runtime.send(peer('ledger', { schema }), { id: '7' });
    });
  });
});

describe('what is sent and received has that type', () => {
  const orders = mailbox<Order>('orders');
  const ledger = peer<Order>('ledger');

  test('runtime.send and trySend', () => {
    compiled(async (runtime) => {
      await runtime.send(orders, { id: 1, items: [] }, { timeout: 1, type: 2, priority: 3 });
      await runtime.send(ledger, { id: 1, items: [] });
      expectTypeOf(runtime.send(orders, { id: 1, items: [] })).toEqualTypeOf<Promise<void>>();
      expectTypeOf(runtime.trySend(orders, { id: 1, items: [] })).toEqualTypeOf<Promise<boolean>>();
      // @ts-expect-error id is a number
      await runtime.send(orders, { id: '1', items: [] });
      // @ts-expect-error items are missing
      await runtime.trySend(ledger, { id: 1 });
      // @ts-expect-error anyPeer is nobody to send to
      await runtime.send(anyPeer, 1);
      // @ts-expect-error no such option
      await runtime.send(orders, { id: 1, items: [] }, { retries: 3 });
    });
  });

  test('runtime.receive and tryReceive', () => {
    compiled(async (runtime) => {
      expectTypeOf(await runtime.receive(orders)).toEqualTypeOf<Message<Order>>();
      expectTypeOf(await runtime.receive(ledger, { from: 'ledger', type: [1, 2] })).toEqualTypeOf<
        Message<Order>
      >();
      expectTypeOf(await runtime.receive(anyPeer)).toEqualTypeOf<Message<unknown>>();
      expectTypeOf(await runtime.tryReceive(orders)).toEqualTypeOf<Message<Order> | null>();
      // @ts-expect-error a type is a number
      await runtime.receive(orders, { type: 'new' });
    });
  });

  test('handles', () => {
    compiled(async (runtime) => {
      await using tx = await runtime.sender(orders);
      await using rx = await runtime.receiver(orders);
      expectTypeOf(tx).toEqualTypeOf<Sender<Order>>();
      expectTypeOf(rx).toEqualTypeOf<Receiver<Order>>();
      await tx.sendMany([{ id: 1, items: [] }]);
      expectTypeOf(tx.trySendSync({ id: 1, items: [] })).toEqualTypeOf<boolean>();
      expectTypeOf(await rx.receiveMany(3)).toEqualTypeOf<Message<Order>[]>();
      expectTypeOf(rx.tryReceiveSync()).toEqualTypeOf<Message<Order> | null>();
      for await (const message of rx) expectTypeOf(message).toEqualTypeOf<Message<Order>>();
      // @ts-expect-error wrong body
      await tx.send({ id: 1 });
      // @ts-expect-error one wrong body among many
      await tx.sendMany([{ id: 1, items: [] }, 'order']);
      // @ts-expect-error a sender receives nothing
      await tx.receive();
    });
  });

  test('select pairs each source with its messages', () => {
    const notes = mailbox<string>('notes');
    compiled(async (runtime) => {
      const same = await runtime.select([orders, ledger]);
      expectTypeOf(same.message.body).toEqualTypeOf<Order>();
      const { message, source } = await runtime.select([orders, notes]);
      expectTypeOf(message.body).toEqualTypeOf<Order | string>();
      expectTypeOf(source).toEqualTypeOf<MailboxAddress<Order> | MailboxAddress<string>>();
      const any = await runtime.select([orders, anyPeer], { timeout: 5 });
      if (any.source.kind === 'anyPeer') expectTypeOf(any.message.body).toEqualTypeOf<unknown>();
      // @ts-expect-error a sender is no source
      await runtime.select([await runtime.sender(orders)]);
      // @ts-expect-error the sources are an array
      await runtime.select(orders);
    });
  });

  test('events and what close reports', () => {
    compiled(async (runtime) => {
      runtime.on('mailbox:lost', (event) => expectTypeOf(event.lost).toEqualTypeOf<number>());
      runtime.on('peer:up', (event) => expectTypeOf(event.name).toEqualTypeOf<string>());
      // @ts-expect-error no such event
      runtime.on('mailbox:full', () => {});
      const { undelivered } = await runtime.close();
      expectTypeOf(undelivered[0]?.count).toEqualTypeOf<number | undefined>();
    });
  });

  test('the options of createRuntime', () => {
    expectTypeOf(createRuntime).returns.toEqualTypeOf<Promise<Runtime>>();
    compiled(async () => {
      await createRuntime({ name: 'a', mailboxes: { orders: { capacity: 0 } }, limits: { maxDepth: 3 } });
      // @ts-expect-error a capacity is a number or 'unbounded'
      await createRuntime({ inbox: { capacity: 'many' } });
      // @ts-expect-error no such option
      await createRuntime({ hostname: 'a' });
    });
  });
});
