import assert from 'node:assert/strict';
import { keyed, ledger, pool } from './cast.js';
import type { ActorTest } from './index.js';

export const pools: readonly ActorTest[] = [
  {
    title: 'instances compete: each message goes to one, and all take part',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(pool);
      const ref = client.ref<typeof pool>('pool');
      const items = Array.from({ length: 200 }, (_, n) => `${n}`);
      const ids = await stage.within(Promise.all(items.map((item) => ref.ask.work(item))), 'the work');
      assert.equal(new Set(ids).size, 4);
    },
  },
  {
    title: 'instances in several processes compete for one mailbox',
    async run(stage) {
      const { server, client } = await stage.pair();
      const second = await stage.runtime('second');
      await Promise.all([
        server.spawn(pool, undefined, { instances: 1 }),
        second.spawn(pool, undefined, { instances: 1 }),
      ]);
      const ref = client.ref<typeof pool>('pool');
      const ids = new Set<string>();
      await stage.until(async () => {
        const some = await Promise.all(Array.from({ length: 16 }, (_, n) => ref.ask.work(`${n}`)));
        for (const id of some) ids.add(id);
        return ids.size === 2;
      }, 'both to have worked');
    },
  },
  {
    title: 'routing by key: the same key, the same instance, in order',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(keyed);
      const ref = client.ref<typeof keyed>('keyed');
      const keys = Array.from({ length: 12 }, (_, n) => `customer ${n}`);
      const asked = Array.from({ length: 10 }, (_, n) =>
        keys.map(async (key) => ({ key, ...(await ref.ask.put(`${key} ${n}`, { key })) })),
      );
      const all = await stage.within(Promise.all(asked.flat()), 'the keyed work');
      for (const key of keys) {
        const own = all.filter((each) => each.key === key);
        assert.equal(new Set(own.map(({ id }) => id)).size, 1, `${key} has one instance`);
        const seen = own.at(-1)?.seen.filter((item) => item.startsWith(`${key} `));
        assert.deepEqual(
          seen,
          Array.from({ length: 10 }, (_, n) => `${key} ${n}`),
        );
      }
      assert.ok(new Set(all.map(({ id }) => id)).size > 1, 'the keys are spread');
      const anywhere = Array.from({ length: 64 }, (_, n) => ref.ask.put(`${n}`));
      assert.equal(
        new Set((await Promise.all(anywhere)).map(({ id }) => id)).size,
        4,
        'without a key all take part',
      );
    },
  },
  {
    title: 'concurrency: so many at a time, and no more',
    async run(stage) {
      const { server, client } = await stage.pair();
      const wide = { ...ledger, name: 'wide', spec: { ...ledger.spec, concurrency: 3 } };
      await server.spawn(wide, { label: 'wide' });
      const ref = client.ref<typeof ledger>('wide');
      const told = Array.from({ length: 30 }, (_, value) => ref.ask.slowly({ value, turns: 5 }));
      await stage.within(Promise.all(told), 'the work');
      const { seen, most } = await ref.ask.report();
      assert.deepEqual([seen.length, most], [30, 3]);
    },
  },
];
