import assert from 'node:assert/strict';
import { type Overflow, type PublishReport, topic } from '../../src/index.js';
import type { ActorTest } from './index.js';
import { rejection } from './stage.js';

const news = topic<number>('news');

export const publishing: readonly ActorTest[] = [
  {
    title: 'what is published reaches every subscriber, in order, and stops when it unsubscribes',
    async run(stage) {
      const { server, client } = await stage.pair();
      const third = await stage.runtime('third');
      assert.deepEqual(await server.publish(news, -1), { accepted: 0, dropped: 0 });
      const subscriptions = await Promise.all(
        [server, client, third].map((runtime) => runtime.subscribe(news, { overflow: 'wait', capacity: 8 })),
      );
      const empty = async () => {
        for (const subscription of subscriptions)
          while (await subscription.receive({ timeout: 0 }).catch(() => null));
      };
      // Every publisher gets to know them in its own time.
      for (const publisher of [server, third])
        await stage.until(async () => {
          const { accepted } = await publisher.publish(news, 0);
          await empty();
          return accepted === 3;
        }, 'all subscriptions to be known');
      const numbers = [1, 2, 3, 4, 5, 6];
      for (const n of numbers) await server.publish(news, n);
      for (const subscription of subscriptions) {
        const got: number[] = [];
        for await (const { body, from } of subscription) {
          assert.equal(from, 'server');
          if (got.push(body) === numbers.length) break;
        }
        assert.deepEqual(got, numbers);
      }
      await subscriptions[1]?.close();
      await subscriptions[1]?.close();
      await stage.until(
        async () => (await server.publish(news, 7)).accepted === 2,
        'the publisher to learn of it',
      );
      await assert.rejects(async () => subscriptions[1]?.receive(), { code: 'ERR_CLOSED' });
    },
  },
  {
    title:
      'a full subscriber: as it declared, the publisher fails, the newest or the oldest goes, or the publisher waits',
    async run(stage) {
      const { server, client } = await stage.pair();
      const outcome = async (overflow: Overflow) => {
        const own = topic<number>(`news.${overflow}`);
        const subscription = await client.subscribe(own, { overflow, capacity: 2 });
        const reports: PublishReport[] = [];
        await stage.until(async () => {
          const report = await server.publish(own, 0);
          return report.accepted === 1 && reports.push(report);
        }, 'the publisher to know of it');
        return { own, subscription };
      };
      const failing = await outcome('fail');
      await server.publish(failing.own, 1);
      assert.equal((await rejection(server.publish(failing.own, 2))).code, 'ERR_NO_SPACE');
      assert.deepEqual(
        [(await failing.subscription.receive()).body, (await failing.subscription.receive()).body],
        [0, 1],
      );
      const newest = await outcome('drop-newest');
      await server.publish(newest.own, 1);
      assert.deepEqual(await server.publish(newest.own, 2), { accepted: 0, dropped: 1 });
      assert.deepEqual(
        [(await newest.subscription.receive()).body, (await newest.subscription.receive()).body],
        [0, 1],
      );
      const oldest = await outcome('drop-oldest');
      for (const n of [1, 2, 3])
        await stage.until(async () => (await server.publish(oldest.own, n)).accepted, 'acceptance');
      await stage.until(() => oldest.subscription.dropped === 2, 'two to be dropped');
      assert.deepEqual(
        [(await oldest.subscription.receive()).body, (await oldest.subscription.receive()).body],
        [2, 3],
      );
      const { subscription } = oldest;
      assert.equal((await rejection(subscription.receive({ timeout: 20 }))).code, 'ERR_TIMEOUT');
      const abort = new AbortController();
      const aborted = rejection(subscription.receive({ signal: abort.signal }));
      const others = rejection(subscription.receive({ from: 'nobody', timeout: 50 }));
      abort.abort(new Error('enough'));
      assert.equal((await aborted).message, 'enough');
      await stage.until(async () => (await server.publish(oldest.own, 4)).accepted, 'acceptance');
      assert.equal((await others).code, 'ERR_TIMEOUT');
      assert.equal((await subscription.receive({ from: server.name, timeout: 5_000 })).body, 4);
      const waiting = await outcome('wait');
      await server.publish(waiting.own, 1);
      const held = server.publish(waiting.own, 2);
      assert.equal((await rejection(server.publish(waiting.own, 9, { timeout: 20 }))).code, 'ERR_TIMEOUT');
      for (const n of [0, 1, 2]) assert.equal((await waiting.subscription.receive()).body, n);
      assert.deepEqual(await stage.within(held, 'the publisher'), { accepted: 1, dropped: 0 });
    },
  },
  {
    title: 'a subscriber that leaves holds up nobody',
    async run(stage) {
      const { server, client } = await stage.pair();
      await client.subscribe(news, { overflow: 'wait', capacity: 1 });
      await stage.until(
        async () => (await server.publish(news, 0)).accepted === 1,
        'the publisher to know of it',
      );
      const held = server.publish(news, 1);
      await client.close();
      assert.deepEqual(await stage.within(held, 'the publisher'), { accepted: 0, dropped: 0 });
      assert.deepEqual(await server.publish(news, 2), { accepted: 0, dropped: 0 });
    },
  },
];
