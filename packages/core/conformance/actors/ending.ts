import assert from 'node:assert/strict';
import { ledger, waiter } from './cast.js';
import type { ActorTest } from './index.js';
import { rejection } from './stage.js';

export const ending: readonly ActorTest[] = [
  {
    title: 'runtime.stop handles what was sent before, and says so',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(ledger, { label: 'stopping' });
      const ref = client.ref<typeof ledger>('ledger');
      const asked = Array.from({ length: 50 }, (_, value) => ref.ask.slowly({ value, turns: 2 }));
      await stage.until(() => server.actors()[0]?.handled ?? 0, 'the first to be handled');
      const report = await stage.within(server.stop({ deadline: 15_000 }), 'the server to stop');
      assert.equal(
        (await stage.within(Promise.allSettled(asked), 'the asks')).filter(
          ({ status }) => status === 'fulfilled',
        ).length,
        50,
      );
      assert.deepEqual(
        [report.aborted, report.undelivered.filter(({ mailbox }) => mailbox === 'ledger')],
        [0, []],
      );
      assert.ok(report.handled > 0 && report.handled <= 50);
    },
  },
  {
    title: 'what is not through by the deadline is aborted, answered and counted',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(waiter, undefined);
      const ref = client.ref<typeof waiter>('waiter');
      const asked = ['a', 'b', 'c'].map((name) => rejection(ref.ask.wait(name, { timeout: 600_000 })));
      await stage.until(async () => (await ref.ask.begun()).length === 3, 'the handlers to begin');
      const report = await stage.within(server.stop({ deadline: 30 }), 'the server to stop');
      assert.equal(report.aborted, 3);
      for (const error of await stage.within(Promise.all(asked), 'the asks'))
        assert.match(error.message, /has stopped/);
      assert.equal(await server.stop(), await server.stop());
    },
  },
];
