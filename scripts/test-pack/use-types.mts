import { createRuntime, type Message, mailbox } from '@pigeonhole/core';

interface Order {
  id: number;
}

const orders = mailbox<Order>('orders', { capacity: 8 });

export async function firstId(): Promise<number> {
  const runtime = await createRuntime({ name: 'types', transport: 'memory' });
  await runtime.send(orders, { id: 1 }, { timeout: 100 });
  // @ts-expect-error: an order has a number
  await runtime.send(orders, { id: 'one' });
  const { body }: Message<Order> = await runtime.receive(orders);
  await runtime.close();
  return body.id;
}
