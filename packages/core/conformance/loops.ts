/**
 * Loops that send or receive numbered items next to the runtime, in whichever process or thread it is, so that races are
 * decided there and not by the suite's own messages.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Consumed, Journal, type Produced } from './accounting.js';
import { isWholeItem, makeAddress, makeItem } from './fixtures.js';
import type { AddressSpec, CallOptions, ReceiveOptions, RuntimeUnderTest } from './surface.js';
import { Random } from './watchdog.js';

interface LoopOrder {
  seed: number;
  /** Calls under way at once. Default 1. */
  window?: number;
  /** Share of the calls that get a short timeout or an abort at a random instant. Default 0. */
  interrupted?: number;
  /** A file that keeps the account if the process is killed. */
  journal?: string;
}

export interface ProduceOrder extends LoopOrder {
  by: string;
  to: AddressSpec;
  /** Items to attempt; absent: until stopped. */
  count?: number;
  verb?: 'send' | 'trySend' | 'sendMany';
  /** Bytes of padding, from and to. Default none. */
  size?: readonly [low: number, high: number];
  /** Number of different `type`s to use, from 1. Default none. */
  types?: number;
}

export interface ConsumeOrder extends LoopOrder {
  from: AddressSpec;
  verb?: 'receive' | 'tryReceive' | 'receiveMany' | 'iterate' | 'select';
  /** Stop by itself after so many items. */
  count?: number;
  select?: ReceiveOptions;
  /** After a call that gave up, this process asks for nothing during up to so many turns of its event loop. Default 0. */
  rest?: number;
}

/** A running loop. `stop()` lets calls under way settle, aborting those that wait. */
export interface Loop<Report> {
  progress(): number;
  stop(): void;
  readonly done: Promise<Report>;
}

function codeOf(error: unknown): string {
  return error instanceof Error
    ? ((error as { code?: string }).code ?? `${error.name}: ${error.message}`)
    : String(error);
}

/** Gives each call its signal and timeout, and ends all of them when the loop is stopped. */
class Interrupter {
  stopped = false;
  private readonly live = new Set<AbortController>();
  private readonly random: Random;

  constructor(private readonly order: LoopOrder) {
    this.random = new Random(order.seed);
  }

  stop(): void {
    this.stopped = true;
    for (const controller of this.live) controller.abort(new Error('the loop was stopped'));
  }

  /** Counts a failure that the loop did not ask for; the loop ends when nothing else can come. */
  async failed(code: string, failures: Record<string, number>): Promise<void> {
    if (code === 'Error: interrupted' || code === 'Error: the loop was stopped') return;
    failures[code] = (failures[code] ?? 0) + 1;
    if (code === 'ERR_CLOSED' || (failures[code] ?? 0) > 50) this.stop();
    await nextTurn();
  }

  /** Runs one call. Timeouts of 0 to 3 ms; aborts after some microtasks, some turns, or some milliseconds. */
  async call<T>(start: (options: CallOptions) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.live.add(controller);
    const cancel: { timer?: NodeJS.Timeout } = {};
    const options: CallOptions = { signal: controller.signal };
    const interrupted = this.random.next() < (this.order.interrupted ?? 0);
    const way = this.random.integer(0, 3);
    if (interrupted && way === 0) options.timeout = this.random.integer(0, 3);
    try {
      const result = start(options);
      if (interrupted && way > 0) this.abortLater(controller, way, cancel);
      return await result;
    } finally {
      clearTimeout(cancel.timer);
      this.live.delete(controller);
    }
  }

  private abortLater(controller: AbortController, way: number, cancel: { timer?: NodeJS.Timeout }): void {
    const abort = () => controller.abort(new Error('interrupted'));
    if (way === 1) cancel.timer = setTimeout(abort, this.random.integer(0, 3));
    else {
      const step =
        way === 2
          ? (next: () => void) => queueMicrotask(next)
          : (next: () => void) => void setImmediate(next);
      let left = this.random.integer(0, 6);
      const down = () => (left-- > 0 ? step(down) : abort());
      down();
    }
  }
}

/** Opens a sender, then starts. */
export async function produce(runtime: RuntimeUnderTest, order: ProduceOrder): Promise<Loop<Produced>> {
  const sender = await runtime.sender(makeAddress(order.to) as never);
  const report: Produced = {
    by: order.by,
    attempted: 0,
    accepted: [],
    unknown: [],
    refused: [],
    failures: {},
  };
  const interrupter = new Interrupter(order);
  const random = new Random(order.seed ^ 0x5bd1e995);
  const journal = order.journal === undefined ? null : new Journal(order.journal);
  const settle = (outcome: 'accepted' | 'unknown' | 'refused', items: readonly number[]) => {
    for (const n of items) {
      report[outcome].push(n);
      journal?.note(outcome, n);
    }
  };
  const attempt = (most: number) => {
    const items: number[] = [];
    while (items.length < most && (order.count === undefined || report.attempted < order.count))
      items.push(report.attempted++);
    for (const n of items) journal?.note('attempted', n);
    return items;
  };
  const bodyOf = (n: number) => makeItem(order.by, n, random.integer(...(order.size ?? [0, 0])));
  const optionsOf = (n: number) => (order.types === undefined ? {} : { type: 1 + (n % order.types) });

  const once = async () => {
    const items = attempt(order.verb === 'sendMany' ? random.integer(1, 20) : 1);
    const [first = 0] = items;
    try {
      if (order.verb === 'trySend') {
        const accepted = await sender.trySend(bodyOf(first), optionsOf(first));
        settle(accepted ? 'accepted' : 'refused', items);
        if (!accepted) await nextTurn();
      } else if (order.verb === 'sendMany') {
        await interrupter.call((call) => sender.sendMany(items.map(bodyOf), call));
        settle('accepted', items);
      } else {
        await interrupter.call((call) => sender.send(bodyOf(first), { ...call, ...optionsOf(first) }));
        settle('accepted', items);
      }
    } catch (error) {
      const code = codeOf(error);
      const { accepted } = error as { accepted?: number };
      settle('accepted', items.slice(0, accepted ?? 0));
      // An abort rejects with the signal's reason, which cannot say how many of several had been accepted.
      const open = /UNKNOWN/.test(code) || (order.verb === 'sendMany' && accepted === undefined);
      settle(open ? 'unknown' : 'refused', items.slice(accepted ?? 0));
      if (!/TIMEOUT|UNKNOWN/.test(code)) await interrupter.failed(code, report.failures);
    }
  };
  const worker = async () => {
    while (!interrupter.stopped && report.attempted < (order.count ?? Infinity)) await once();
  };
  const run = async () => {
    await Promise.all(Array.from({ length: order.window ?? 1 }, worker));
    await sender.close();
    journal?.close();
    return report;
  };
  return { progress: () => report.accepted.length, stop: () => interrupter.stop(), done: run() };
}

/** Opens a receiver, then starts: on a link transport, its process then hosts the mailbox unless another does. */
export async function consume(runtime: RuntimeUnderTest, order: ConsumeOrder): Promise<Loop<Consumed>> {
  const source = makeAddress(order.from) as never;
  const receiver = await runtime.receiver(source);
  const report: Consumed = { who: runtime.name, received: [], broken: [], failures: {} };
  const slots: Consumed['received'][] = [];
  const random = new Random(order.seed ^ 0x27d4eb2f);
  const interrupter = new Interrupter(order);
  const journal = order.journal === undefined ? null : new Journal(order.journal);
  let count = 0;
  const take = (slot: Consumed['received'], body: unknown) => {
    count++;
    if (isWholeItem(body)) {
      slot.push([body.by, body.n]);
      journal?.note('received', body.by, body.n);
    } else {
      report.broken.push(JSON.stringify(body)?.slice(0, 80) ?? 'undefined');
      journal?.note('broken', 'body');
    }
  };
  const bodies = async (): Promise<unknown[]> => {
    if (order.verb === 'tryReceive') {
      const message = await receiver.tryReceive(order.select);
      if (message === null) await nextTurn();
      return message === null ? [] : [message.body];
    }
    return interrupter.call(async (call) => {
      const options = { ...call, ...order.select };
      if (order.verb === 'receiveMany')
        return (await receiver.receiveMany(16, options)).map(({ body }) => body);
      if (order.verb === 'select') return [(await runtime.select([source], call)).message.body];
      return [(await receiver.receive(options)).body];
    });
  };
  const goesOn = () => !interrupter.stopped && count < (order.count ?? Infinity);
  const worker = async () => {
    while (goesOn()) {
      const slot: Consumed['received'] = [];
      slots.push(slot);
      try {
        for (const body of await bodies()) take(slot, body);
      } catch (error) {
        const code = codeOf(error);
        if (!/TIMEOUT/.test(code)) await interrupter.failed(code, report.failures);
        for (let turns = random.integer(0, order.rest ?? 0); turns > 0; turns--) await nextTurn();
      }
    }
  };
  const iterate = async () => {
    const slot: Consumed['received'] = [];
    slots.push(slot);
    for await (const { body } of receiver) {
      take(slot, body);
      if (!goesOn()) break;
    }
  };
  const run = async () => {
    if (order.verb === 'iterate') await iterate();
    else await Promise.all(Array.from({ length: order.window ?? 1 }, worker));
    await receiver.close();
    journal?.close();
    report.received = slots.flat();
    return report;
  };
  const stop = () => {
    interrupter.stop();
    if (order.verb === 'iterate') void receiver.close();
  };
  return { progress: () => count, stop, done: run() };
}
