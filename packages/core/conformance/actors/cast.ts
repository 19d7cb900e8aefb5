/** The actors that the suite plays with. Processes and threads load this module by its URL, as they would a program's. */
import { setTimeout as later } from 'node:timers/promises';
import { type Context, defineActor, Refusal } from '../../src/index.js';

const quick = { backoff: { initial: 1, max: 5 }, maxRestarts: 1000 };

interface Ledger {
  /** What it was told, in order. */
  seen: unknown[];
  running: number;
  most: number;
  starts: number;
}

/** Starts of each ledger in this process, by its label. */
const starts = new Map<string, number>();

export const ledger = defineActor('ledger', {
  state: ({ label }: { label: string }): Ledger => {
    const count = (starts.get(label) ?? 0) + 1;
    starts.set(label, count);
    return { seen: [], running: 0, most: 0, starts: count };
  },
  handlers: {
    note(ctx, value: unknown) {
      ctx.state.seen.push(value);
    },
    async slowly(ctx, { value, turns }: { value: unknown; turns: number }) {
      ctx.state.most = Math.max(ctx.state.most, ++ctx.state.running);
      for (let turn = 0; turn < turns; turn++) await later(0);
      ctx.state.running--;
      ctx.state.seen.push(value);
    },
    report: ({ state }) => ({ seen: state.seen, most: state.most, starts: state.starts }),
    echo: (_ctx, value: unknown) => value,
    async echoLater(_ctx, value: unknown) {
      await later(0);
      return value;
    },
    whoami: () => ({ pid: process.pid }),
    sender: (ctx) => ctx.sender,
    trace: (ctx) => ctx.trace,
    refuse(_ctx, data: unknown): never {
      throw new Refusal('not today', { name: 'NotToday', code: 'NOT_TODAY', data });
    },
    crash(_ctx, message: string): void {
      throw new TypeError(message);
    },
    async crashLater(_ctx, message: string): Promise<void> {
      await later(0);
      throw new RangeError(message);
    },
    unserializable: () => () => 1,
    answerEarly(ctx, value: string) {
      ctx.reply(`early ${value}`);
      return 'late';
    },
    stop(ctx) {
      ctx.stop();
    },
    exit() {
      process.exit(3);
    },
  },
  supervision: quick,
});

/** Waits until told to go on, or until its signal says that nobody cares. */
export const waiter = defineActor('waiter', {
  state: () => ({ gates: new Map<string, () => void>(), aborted: [] as string[], begun: [] as string[] }),
  handlers: {
    async wait(ctx, name: string) {
      ctx.state.begun.push(name);
      await new Promise<void>((resolve, reject) => {
        ctx.state.gates.set(name, resolve);
        ctx.signal.addEventListener('abort', () => {
          ctx.state.aborted.push(name);
          reject(ctx.signal.reason);
        });
      });
      return name;
    },
    open(ctx, name: string) {
      ctx.state.gates.get(name)?.();
    },
    begun: (ctx) => ctx.state.begun,
    aborted: (ctx) => ctx.state.aborted,
  },
  concurrency: 64,
  supervision: quick,
});

interface Spring {
  drawn: number;
  closed: number;
}

export const spring = defineActor('spring', {
  state: (): Spring => ({ drawn: 0, closed: 0 }),
  handlers: {
    async *count(ctx, upTo: number) {
      try {
        for (let n = 0; n < upTo; n++) {
          ctx.state.drawn++;
          yield n;
        }
      } finally {
        ctx.state.closed++;
      }
    },
    async *failing(_ctx, after: number) {
      for (let n = 0; n < after; n++) yield n;
      throw new Refusal('dry', { code: 'DRY' });
    },
    async *never(ctx) {
      yield 'ready';
      await new Promise((_, reject) => {
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason));
      });
    },
    status: (ctx) => ({ ...ctx.state }),
  },
});

type DoorContext = Context<{ log: string[] }>;

/** Closed it stashes, open it does not; and it has timers. */
export const door = defineActor('door', {
  state: () => ({ log: [] as string[] }),
  started(ctx) {
    ctx.become({
      pass(inner: DoorContext, _who: string) {
        inner.stash();
      },
    });
  },
  handlers: {
    pass(ctx, who: string) {
      ctx.state.log.push(who);
      return `${who} passed`;
    },
    open(ctx) {
      ctx.become(null);
      ctx.unstash();
    },
    tick(ctx, text: string) {
      ctx.state.log.push(text);
    },
    once(ctx, delay: number) {
      ctx.timers.once('once', delay, 'tick', 'once');
    },
    every(ctx, interval: number) {
      ctx.timers.every('every', interval, 'tick', 'every');
    },
    cancel(ctx) {
      ctx.timers.cancel('every');
    },
    log: (ctx) => ctx.state.log,
  },
});

interface Family {
  log: string[];
}

type Scope = 'one-for-one' | 'one-for-all' | 'rest-for-one';

function parent<N extends string>(name: N, children: Scope) {
  return defineActor(name, {
    state: (): Family => ({ log: [] }),
    async started(ctx) {
      for (const label of ['a', 'b', 'c'])
        await ctx.spawn(
          ledger,
          { label: `${ctx.self.name}.${label}` },
          { name: `${ctx.self.name}.${label}` },
        );
    },
    handlers: {
      watch: (ctx, child: string) => ctx.watch({ name: child }),
      adopt: async (ctx, { name, strategy }: { name: string; strategy: 'stop' | 'escalate' }) => {
        await ctx.spawn(strategy === 'stop' ? brittle : tattling, undefined, { name });
      },
      log: (ctx) => ctx.state.log,
    },
    terminated(ctx, { name, reason }) {
      ctx.state.log.push(`${name} ${reason}`);
    },
    supervision: { ...quick, children },
  });
}

export const oneForOne = parent('one-for-one', 'one-for-one');
export const oneForAll = parent('one-for-all', 'one-for-all');
export const restForOne = parent('rest-for-one', 'rest-for-one');

const crashing = {
  crash(_ctx: unknown, message: string): void {
    throw new Error(message);
  },
  ping: () => 'pong',
};

/** Ends at its first failure. */
export const brittle = defineActor('brittle', { handlers: crashing, supervision: { strategy: 'stop' } });
/** Fails towards its parent. */
export const tattling = defineActor('tattling', {
  handlers: crashing,
  supervision: { strategy: 'escalate' },
});
/** Goes on with the state that it has. */
export const stoic = defineActor('stoic', {
  state: () => ({ count: 0 }),
  handlers: {
    ...crashing,
    add: (ctx) => ++ctx.state.count,
  },
  supervision: { strategy: 'resume' },
});
/** May restart twice, and no more. */
export const limited = defineActor('limited', {
  handlers: crashing,
  supervision: { backoff: { initial: 1, max: 1 }, maxRestarts: 2, within: 60_000 },
});

/** Several at once, told apart by what only one of them has. */
let members = 0;
export const pool = defineActor('pool', {
  state: () => ({ id: `${process.pid}.${++members}`, seen: [] as string[] }),
  handlers: {
    async work(ctx, item: string) {
      await later(0);
      ctx.state.seen.push(item);
      return ctx.state.id;
    },
    where: (ctx) => ({ id: ctx.state.id, pid: process.pid, seen: ctx.state.seen }),
  },
  instances: 4,
});

export const keyed = defineActor('keyed', {
  state: () => ({ id: `${process.pid}.${++members}`, seen: [] as string[] }),
  handlers: {
    async put(ctx, item: string) {
      await later(0);
      ctx.state.seen.push(item);
      return { id: ctx.state.id, seen: [...ctx.state.seen] };
    },
  },
  instances: 4,
  routing: 'key',
});

/** Asks another and does not wait for the answer. */
export const caller = defineActor('caller', {
  handlers: {
    begin(ctx) {
      ctx
        .ref<typeof waiter>('waiter')
        .ask.wait('of a process that will be killed', { timeout: 600_000 })
        .catch(() => {});
      return { pid: process.pid };
    },
  },
});
