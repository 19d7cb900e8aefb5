import assert from 'node:assert/strict';
import { caller, keyed, ledger, pool, spring, waiter } from './cast.js';
import type { ActorTest } from './index.js';
import { rejection } from './stage.js';

export const placements: readonly ActorTest[] = [
  {
    title: 'an actor in a process of its own is killed: its watchers hear once, and it is started again',
    place: 'processes',
    async run(stage) {
      const { server, client } = await stage.pair();
      const actor = await server.spawn(
        ledger,
        { label: 'placed' },
        { placement: 'process', module: stage.cast },
      );
      const ref = client.ref<typeof ledger>('ledger');
      await ref.tell.note('lost with the process');
      for (let round = 0; round < 3; round++) {
        const { pid } = await stage.within(ref.ask.whoami(), 'its pid');
        const watches = await Promise.all([client.watch(ref), server.watch(ref)]);
        let heard = 0;
        for (const { terminated } of watches) void terminated.then(() => heard++);
        stage.kill(pid);
        const ends = await stage.within(
          Promise.all(watches.map(({ terminated }) => terminated)),
          'the watches',
        );
        assert.deepEqual(
          ends.map(({ reason }) => reason),
          ['lost', 'lost'],
        );
        const next = await stage.until(
          async () => ref.ask.whoami(undefined, { timeout: 2_000 }).catch(() => null),
          'it to be started again',
        );
        assert.notEqual(next.pid, pid);
        assert.deepEqual((await ref.ask.report()).seen, []);
        assert.equal(heard, 2);
      }
      const end = await client.watch(ref);
      await stage.within(actor.stop(), 'it to stop');
      assert.equal((await stage.within(end.terminated, 'its end')).reason, 'stopped');
    },
  },
  {
    title:
      'an ask and a stream under way when the process is killed fail at once, saying that the outcome is unknown',
    place: 'processes',
    async run(stage) {
      const { server, client } = await stage.pair();
      const options = { placement: 'process', module: stage.cast } as const;
      await server.spawn(waiter, undefined, options);
      await server.spawn(spring, undefined, options);
      const ref = client.ref<typeof waiter>('waiter');
      const asked = rejection(ref.ask.wait('for ever', { timeout: 600_000 }));
      await stage.until(async () => (await ref.ask.begun()).length === 1, 'the handler to begin');
      const values = client.ref<typeof spring>('spring').stream.never();
      assert.equal((await values.next()).value, 'ready');
      const next = rejection(values.next());
      const served = () => client.peers().filter(({ name }) => /^server\.(waiter|spring)$/.test(name));
      // A store may be quicker than the news of who has joined.
      await stage.until(async () => served().length === 2, 'both processes to be known');
      for (const { pid } of served()) stage.kill(pid);
      assert.equal((await stage.within(asked, 'the ask')).code, 'ERR_OUTCOME_UNKNOWN');
      assert.equal((await stage.within(next, 'the stream')).code, 'ERR_OUTCOME_UNKNOWN');
    },
  },
  {
    title: 'a pool over two processes goes on when one is killed',
    place: 'processes',
    async run(stage) {
      const { server, client } = await stage.pair();
      const second = await stage.runtime('second');
      const options = { placement: 'process', module: stage.cast, instances: 2 } as const;
      await Promise.all([server.spawn(pool, undefined, options), second.spawn(pool, undefined, options)]);
      const ref = client.ref<typeof pool>('pool');
      const work = () =>
        Promise.allSettled(Array.from({ length: 20 }, (_, n) => ref.ask.work(`${n}`, { timeout: 2_000 })));
      const pids = new Set<string>();
      await stage.until(async () => {
        for (const result of await work())
          if (result.status === 'fulfilled') pids.add(result.value.split('.')[0] ?? '');
        return pids.size === 2;
      }, 'both processes to work');
      const [first] = pids;
      stage.kill(Number(first));
      await stage.until(
        async () =>
          (await work()).every(
            (result) => result.status === 'fulfilled' && result.value.split('.')[0] !== first,
          ),
        'the work to go on',
      );
      await stage.until(async () => {
        const now = new Set<string>();
        for (const result of await work())
          if (result.status === 'fulfilled') now.add(result.value.split('.')[0] ?? '');
        return now.size === 2;
      }, 'the killed one to be started again');
    },
  },
  {
    title:
      'a pool by key is spread over processes: the same key, the same instance, in order, also after one is killed',
    place: 'processes',
    async run(stage) {
      const { server, client } = await stage.pair();
      const options = { placement: 'process', module: stage.cast, instances: 4, spread: 2 } as const;
      const actor = await server.spawn(keyed, undefined, options);
      const ref = client.ref<typeof keyed>('keyed');
      const keys = Array.from({ length: 16 }, (_, n) => `customer ${n}`);
      const put = (key: string, n: number) => ref.ask.put(`${key} ${n}`, { key, timeout: 30_000 });
      const once = async (from: number) => {
        const asked = keys.map((key) => Promise.all([0, 1, 2].map((n) => put(key, from + n))));
        return stage.within(Promise.all(asked), 'the keyed work');
      };
      const before = await once(0);
      const instance = (replies: { id: string }[]) => {
        assert.equal(new Set(replies.map(({ id }) => id)).size, 1, 'a key has one instance');
        return replies[0]?.id ?? '';
      };
      const owners = before.map(instance);
      assert.equal(new Set(owners).size, 4);
      const victim = owners[0]?.split('.')[0];
      stage.kill(Number(victim));
      await stage.until(
        () => client.peers().every(({ pid }) => `${pid}` !== victim),
        'its death to be known',
      );
      const after = await once(3);
      for (const [at, replies] of after.entries()) {
        const own = replies.at(-1)?.seen.filter((item) => item.startsWith(`${keys[at]} `));
        const survived = owners[at]?.split('.')[0] !== victim;
        if (survived) assert.equal(instance(replies), owners[at]);
        else assert.notEqual(instance(replies).split('.')[0], victim);
        const seen = survived ? [0, 1, 2, 3, 4, 5] : [3, 4, 5];
        assert.deepEqual(
          own,
          seen.map((n) => `${keys[at]} ${n}`),
        );
      }
      await stage.within(actor.stop(), 'the pool to stop');
      await stage.until(
        () => client.peers().every(({ name }) => !name.startsWith('server.keyed')),
        'its processes to be gone',
      );
    },
  },
  {
    title: 'a caller that is killed frees the handler that works for it',
    place: 'processes',
    async run(stage) {
      const server = await stage.runtime('server');
      await server.spawn(waiter, undefined);
      const asker = await server.spawn(caller, undefined, { placement: 'process', module: stage.cast });
      const { pid } = await stage.within(asker.ask.begin(), 'the other process to ask');
      const ref = server.ref<typeof waiter>('waiter');
      await stage.until(async () => (await ref.ask.begun()).length === 1, 'the handler to begin');
      stage.kill(pid);
      await stage.until(async () => (await ref.ask.aborted()).length === 1, 'the handler to be aborted');
    },
  },
  {
    title: 'an actor in a thread is served, started again when its thread ends, and stopped',
    place: 'threads',
    async run(stage) {
      const { server, client } = await stage.pair();
      const actor = await server.spawn(
        ledger,
        { label: 'thread' },
        { placement: 'thread', module: stage.cast },
      );
      const ref = client.ref<typeof ledger>('ledger');
      await ref.ask.note('in a thread');
      assert.deepEqual((await ref.ask.report()).seen, ['in a thread']);
      const watch = await client.watch(ref);
      await ref.tell.exit().catch(() => {}); // the thread may end before it has said that it took it
      assert.equal((await stage.within(watch.terminated, 'the end of the thread')).reason, 'lost');
      const report = await stage.until(
        async () => ref.ask.report(undefined, { timeout: 2_000 }).catch(() => null),
        'it to be started again',
      );
      assert.deepEqual(report.seen, []);
      await stage.within(actor.stop(), 'the thread to stop');
    },
  },
  {
    title: 'a placement without a module, or whose module has no such actor, is an error',
    place: 'processes',
    async run(stage) {
      const server = await stage.runtime('server');
      const missing = await rejection(server.spawn(ledger, { label: '' }, { placement: 'process' }));
      assert.deepEqual([missing.code, /module/.test(missing.message)], ['ERR_CONFIG', true]);
      const other = await rejection(
        server.spawn(ledger, { label: '' }, { placement: 'process', module: import.meta.url }),
      );
      assert.match(
        other.message,
        /exports no definition of actor 'ledger'|Cannot find|Unknown file extension/,
      );
      const spread = (count: number, placement: 'process' | 'here') =>
        rejection(server.spawn(keyed, undefined, { placement, module: stage.cast, spread: count }));
      for (const error of [await spread(5, 'process'), await spread(2, 'here'), await spread(1.5, 'process')])
        assert.deepEqual([error.code, /spread/.test(error.message)], ['ERR_CONFIG', true]);
      assert.deepEqual(server.actors(), []);
    },
  },
];
