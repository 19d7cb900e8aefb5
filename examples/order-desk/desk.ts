/** Starts the services and places the orders. */
import type { Runtime, SpawnOptions } from '@pigeonhole/core';
import { mailbox } from '@pigeonhole/core';
import { billing } from './billing.js';
import { gateway } from './gateway.js';
import { inventory } from './inventory.js';
import type { Order, Outcome } from './messages.js';
import { notifier } from './notifier.js';

const SKUS = ['A1', 'B2', 'C3'];
const IN_FLIGHT = 32;

export interface DeskSettings {
  readonly orders: number;
  readonly crash: number;
  readonly kill: number;
  readonly seed: number;
}

/** What became of the orders, and whether the stock agrees. */
export interface Account {
  readonly placement: string;
  readonly outcomes: Record<Outcome | 'failed', number>;
  readonly restarts: number;
  readonly deadLetters: number;
  readonly notified: number;
  readonly left: Record<string, number>;
  /** Every order has one outcome, and what is gone from the stock is what the outcomes say. */
  readonly ok: boolean;
}

/** Each service in a process of its own where the transport reaches that far. The files of the services do not know. */
export async function start(runtime: Runtime, settings: DeskSettings, stock: number): Promise<string> {
  const { crossProcess } = runtime.explain(mailbox('gateway')).capabilities;
  const placement = crossProcess ? 'process' : 'here';
  const options: SpawnOptions = { placement };
  const { crash, seed } = settings;
  const kill = crossProcess ? settings.kill : 0;
  await Promise.all([
    runtime.spawn(inventory, { stock: Object.fromEntries(SKUS.map((sku) => [sku, stock])) }, options),
    runtime.spawn(billing, { crash, kill, seed }, options),
    runtime.spawn(notifier, undefined, options),
    runtime.spawn(gateway, undefined, options),
  ]);
  return placement;
}

export async function run(runtime: Runtime, settings: DeskSettings): Promise<Account> {
  const stock = Math.ceil(settings.orders / SKUS.length) - 1; // not enough for everybody
  const placement = await start(runtime, settings, stock);
  const deaths: string[] = [];
  runtime.on('peer:down', ({ name }) => void deaths.push(name));
  const outcomes = await placeAll(runtime, settings.orders);
  const left = await runtime.ref<typeof inventory>('inventory').ask.left();
  const gone = SKUS.length * stock - SKUS.reduce((sum, sku) => sum + (left[sku] ?? 0), 0);
  const said = await runtime.ref<typeof notifier>('notifier').ask.said();
  const letters = await runtime.deadLetters.take(); // nobody comes after this desk
  const sum = Object.values(outcomes).reduce((total, count) => total + count, 0);
  return {
    placement,
    outcomes,
    restarts: deaths.length,
    deadLetters: letters.length,
    notified: Object.values(said).reduce((total, count) => total + count, 0),
    left,
    ok: sum === settings.orders && gone === outcomes.settled + outcomes.uncertain,
  };
}

async function placeAll(runtime: Runtime, count: number): Promise<Account['outcomes']> {
  const desk = runtime.ref<typeof gateway>('gateway');
  const outcomes = { settled: 0, 'out of stock': 0, 'not charged': 0, uncertain: 0, failed: 0 };
  let next = 1;
  const customer = async (): Promise<void> => {
    while (next <= count) {
      const id = next++;
      const order: Order = { id, sku: SKUS[id % SKUS.length] as string, quantity: 1 };
      const outcome = await desk.ask.place(order, { timeout: 30_000 }).catch((): 'failed' => 'failed');
      outcomes[outcome]++;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, customer));
  return outcomes;
}
