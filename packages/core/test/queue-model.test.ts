import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Capacity, Ordering } from '../src/address.js';
import type { Selector } from '../src/message.js';
import { Queue } from '../src/queue.js';
import type { Held } from '../src/waiters.js';
import { QueueModel } from './queue-model.js';
import { HoldingReceive, idOf, innards, message, TakingReceive, WatchedSend } from './queue-operations.js';

interface Setting {
  readonly capacity: Capacity;
  readonly ordering: Ordering;
  readonly maxBytes: number;
  /** Messages in it at the beginning: enough of them for an index. */
  readonly filled: number;
}

type Step =
  | { do: 'send'; from: string; type: number; priority: number; length: number; wait: boolean }
  | { do: 'receive'; selector: Selector | null; max: number; wait: boolean; holds: boolean }
  | { do: 'cancelSend' | 'cancelReceive'; pick: number }
  | { do: 'settle'; pick: number; taken: boolean }
  | { do: 'giveBack'; pick: number; count: number }
  | { do: 'close' };

const sender = fc.constantFrom('a', 'b', 'c');
const type = fc.integer({ min: 0, max: 3 });
const priority = fc.constantFrom(0, 0, 1, 2, 30, 31);
const pick = fc.nat(1000);
const selector: fc.Arbitrary<Selector | null> = fc.oneof(
  fc.constant(null),
  fc.record({
    types: fc.option(fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 })),
    from: fc.option(sender),
  }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      from: sender,
      type,
      priority,
      length: fc.integer({ min: 4, max: 20 }),
      wait: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('receive' as const),
      selector,
      max: fc.constantFrom(1, 1, 2, 5),
      wait: fc.boolean(),
      holds: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancelSend' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancelReceive' as const), pick }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('settle' as const), pick, taken: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('giveBack' as const), pick, count: fc.nat(8) }) },
);
const steps = fc.tuple(fc.array(step, { maxLength: 150 }), fc.boolean(), fc.array(step, { maxLength: 10 }));
const setting: fc.Arbitrary<Setting> = fc.record({
  capacity: fc.constantFrom<Capacity>(0, 1, 2, 3, 7, 90, 'unbounded'),
  ordering: fc.constantFrom<Ordering>('fifo', 'priority'),
  maxBytes: fc.constantFrom(Infinity, Infinity, 60, 1500),
  filled: fc.constantFrom(0, 0, 5, 80),
});

/** Runs the same steps on a queue and on its model, comparing everything after each. */
class Comparison {
  readonly queue: Queue;
  readonly model: QueueModel;
  private readonly sends = new Map<number, WatchedSend>();
  private readonly receives = new Map<number, HoldingReceive | TakingReceive>();
  private readonly settled = new Set<unknown>();
  private id = 0;

  constructor({ capacity, ordering, maxBytes, filled }: Setting) {
    this.queue = new Queue('m', capacity, ordering, maxBytes);
    this.model = new QueueModel(capacity, ordering, maxBytes);
    for (let i = 0; i < filled; i++)
      this.step({
        do: 'send',
        from: 'abc'[i % 3] as string,
        type: i % 4,
        priority: i % 3,
        length: 4,
        wait: false,
      });
  }

  step(step: Step): void {
    if (step.do === 'send') this.send(step);
    else if (step.do === 'receive') this.receive(step);
    else if (step.do === 'settle' || step.do === 'giveBack') this.settle(step);
    else if (step.do === 'cancelSend') this.cancelSend(step.pick);
    else if (step.do === 'cancelReceive') this.cancelReceive(step.pick);
    else {
      this.queue.close(() => new Error('closed'));
      this.model.close();
    }
  }

  compare(): void {
    const { model } = this;
    const { backlog, bytes, receivers, senders, used } = innards(this.queue);
    expect(backlog).toEqual(model.backlog.map(({ id }) => id));
    expect({ receivers, senders }).toEqual({
      receivers: model.receivers.length,
      senders: model.senders.length,
    });
    expect({ bytes, used, size: this.queue.size }).toEqual({
      bytes: model.bytes,
      used: model.used,
      size: model.used,
    });
    for (const [id, { came }] of this.sends)
      expect(came === 'Error: closed' ? 'closed' : came, `send ${id}`).toBe(model.sends.get(id) ?? null);
    for (const [id, receive] of this.receives) {
      const got = receive instanceof HoldingReceive ? receive.held.map((held) => held.id) : receive.taken;
      expect(got, `receive ${id}`).toEqual(model.gotBy.get(id));
      expect(receive.settled ? receive.outcomeNow() : undefined).toBe(model.receives.get(id));
    }
  }

  /** Every message was received as often as its sender was told: once if accepted and taken, else never. */
  account(): void {
    const taken = new Map<number, number>();
    for (const receive of this.receives.values())
      if (receive instanceof TakingReceive)
        for (const id of receive.taken) taken.set(id, (taken.get(id) ?? 0) + 1);
    for (const [id, send] of this.sends) {
      expect(taken.get(id) ?? 0, `message ${id}`).toBeLessThanOrEqual(1);
      if (taken.has(id)) expect([send.came, send.received]).toEqual(['accepted', 1]);
    }
  }

  private send({ from, length, priority, type, wait }: Step & { do: 'send' }): void {
    const id = this.id++;
    const envelope = message(id, from, type, priority, length);
    const send = new WatchedSend(envelope, wait);
    this.sends.set(id, send);
    this.queue.send(send);
    this.model.send(id, envelope, wait);
  }

  private receive({ holds, max, selector, wait }: Step & { do: 'receive' }): void {
    const id = this.id++;
    const receive = new (holds ? HoldingReceive : TakingReceive)(selector, wait, max);
    this.receives.set(id, receive);
    this.queue.receive(receive);
    this.model.receive(id, selector, max, wait, holds);
  }

  private cancelSend(pick: number): void {
    const waiting = [...this.sends].filter(([, send]) => !send.settled);
    const [id, send] = waiting[pick % waiting.length] ?? [];
    if (id === undefined || send === undefined) return;
    this.queue.cancelSend(send);
    this.model.cancelSend(id);
  }

  private cancelReceive(pick: number): void {
    const waiting = [...this.receives].filter(([, receive]) => !receive.settled);
    const [id, receive] = waiting[pick % waiting.length] ?? [];
    if (id === undefined || receive === undefined) return;
    this.queue.cancelReceive(receive);
    this.model.cancelReceive(id);
  }

  private settle(step: Step & { do: 'settle' | 'giveBack' }): void {
    const held = [...this.receives.values()]
      .flatMap((receive) => (receive instanceof HoldingReceive ? receive.held : []))
      .filter(({ token }) => !this.settled.has(token));
    if (held.length === 0) return;
    const from = step.pick % held.length;
    const some = held.slice(from, from + (step.do === 'settle' ? 1 : step.count));
    for (const { token } of some) this.settled.add(token);
    if (step.do === 'settle') {
      const [one] = some as [{ id: number; token: Held }];
      this.queue.settleHeld(one.token, step.taken);
      this.model.settle(one.id, step.taken);
    } else {
      this.queue.returnHeld(some.map(({ token }) => token));
      this.model.giveBack(some.map(({ id }) => id));
    }
  }
}

test('a queue does what a naive model of it does, step by step', () => {
  fc.assert(
    fc.property(setting, steps, (setting, [before, closes, after]) => {
      const comparison = new Comparison(setting);
      comparison.compare();
      for (const each of before) {
        comparison.step(each);
        comparison.compare();
      }
      if (!closes) return comparison.account();
      comparison.step({ do: 'close' });
      comparison.compare();
      for (const each of after) {
        comparison.step(each);
        comparison.compare();
      }
      expect(comparison.queue.drain().map(({ envelope }) => idOf(envelope))).toEqual(
        comparison.model.backlog.map(({ id }) => id),
      );
      expect(innards(comparison.queue).backlog).toEqual([]);
      comparison.account();
    }),
    { numRuns: 700 },
  );
});
