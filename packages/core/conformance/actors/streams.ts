import assert from 'node:assert/strict';
import { spring } from './cast.js';
import type { ActorTest } from './index.js';
import { rejection } from './stage.js';

export const streams: readonly ActorTest[] = [
  {
    title: 'a stream arrives whole and in order, and the actor answers meanwhile',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(spring);
      const ref = client.ref<typeof spring>('spring');
      const got: number[] = [];
      for await (const n of ref.stream.count(500)) {
        got.push(n);
        if (n === 250) assert.ok((await ref.ask.status()).drawn >= 250);
      }
      assert.deepEqual(
        got,
        Array.from({ length: 500 }, (_, n) => n),
      );
      assert.deepEqual(await ref.ask.status(), { drawn: 500, closed: 1 });
    },
  },
  {
    title: 'the producer is never further ahead than the window, and leaving the loop stops it',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(spring);
      const ref = client.ref<typeof spring>('spring');
      const values = ref.stream.count(1_000_000, { window: 8 });
      assert.deepEqual(await values.next(), { done: false, value: 0 });
      await stage.until(async () => (await ref.ask.status()).drawn === 8, 'the window to be filled');
      for (let round = 0; round < 5; round++)
        assert.equal((await ref.ask.status()).drawn, 8, 'no more than the window');
      for (let n = 1; n < 20; n++) {
        assert.equal((await values.next()).value, n);
        assert.ok((await ref.ask.status()).drawn <= n + 1 + 8, 'no further ahead than the window');
      }
      await values.return?.();
      await stage.until(async () => (await ref.ask.status()).closed === 1, 'the generator to be closed');
      const { drawn } = await ref.ask.status();
      assert.ok(drawn <= 28, `${drawn} values were drawn for 20`);
      assert.deepEqual(await values.next(), { done: true, value: undefined });
    },
  },
  {
    title: 'a stream that throws fails the loop after its values; an abort ends it on both sides',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(spring);
      const ref = client.ref<typeof spring>('spring');
      const got: number[] = [];
      const failed = await rejection(
        (async () => {
          for await (const n of ref.stream.failing(3)) got.push(n);
        })(),
      );
      assert.deepEqual([got, failed.code], [[0, 1, 2], 'DRY']);
      const controller = new AbortController();
      const waiting = ref.stream.never(undefined, { signal: controller.signal });
      assert.deepEqual(await waiting.next(), { done: false, value: 'ready' });
      const next = rejection(waiting.next());
      controller.abort(new Error('enough'));
      assert.equal((await stage.within(next, 'the aborted read')).message, 'enough');
    },
  },
  {
    title: 'a stream that nobody serves, or that is none, is an error',
    async run(stage) {
      const { server, client } = await stage.pair();
      const ref = client.ref<typeof spring>('spring');
      const error = await rejection(ref.stream.count(3, { timeout: 30 }).next());
      assert.deepEqual([error.code, /count.*30 ms/.test(error.message)], ['ERR_TIMEOUT', true]);
      await server.spawn(spring);
      const loose = ref as unknown as {
        ask: { count(upTo: number): Promise<unknown> };
        stream: { status(): AsyncIterator<unknown> };
      };
      assert.equal((await rejection(loose.ask.count(3))).code, 'ERR_UNSUPPORTED');
      assert.equal((await rejection(loose.stream.status().next())).code, 'ERR_UNSUPPORTED');
    },
  },
];
