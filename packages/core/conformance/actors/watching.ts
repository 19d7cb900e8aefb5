import assert from 'node:assert/strict';
import { brittle, ledger, oneForOne } from './cast.js';
import type { ActorTest } from './index.js';
import { rejection } from './stage.js';

export const watching: readonly ActorTest[] = [
  {
    title: 'terminated comes once after a stop, from the handle or from within, here and elsewhere',
    async run(stage) {
      const { server, client } = await stage.pair();
      for (const stopper of ['handle', 'context'] as const) {
        const actor = await server.spawn(ledger, { label: stopper });
        const ref = client.ref<typeof ledger>('ledger');
        const seen: string[] = [];
        const watches = await Promise.all([server.watch(ref), client.watch(ref), client.watch(ref)]);
        for (const { terminated } of watches)
          void terminated.then(({ name, reason }) => seen.push(`${name} ${reason}`));
        if (stopper === 'handle') await actor.stop();
        else await ref.tell.stop();
        await stage.within(Promise.all(watches.map(({ terminated }) => terminated)), 'the watches');
        assert.deepEqual(seen, Array(3).fill('ledger stopped'));
        await actor.stop();
      }
    },
  },
  {
    title: 'an actor hears once of the end of another through its definition’s terminated',
    async run(stage) {
      const { server, client } = await stage.pair();
      await client.spawn(oneForOne);
      const ref = client.ref<typeof brittle>('brittle');
      const observer = server.ref<typeof oneForOne>('one-for-one');
      const placed = observer.ask.watch('brittle');
      await server.spawn(brittle);
      await stage.within(placed, 'the watch');
      await observer.ask.watch('brittle');
      await rejection(ref.ask.crash('bang'));
      await stage.until(async () => (await observer.ask.log()).length > 0, 'the termination');
      await server.spawn(brittle);
      await rejection(ref.ask.crash('again'));
      await stage.until(() => server.actors().every(({ name }) => name !== 'brittle'), 'the second end');
      assert.deepEqual(
        await observer.ask.log(),
        ['brittle crashed'],
        'once, and not of the next of that name',
      );
    },
  },
  {
    title: 'a watch taken back says nothing; one on a process that closes says stopped',
    async run(stage) {
      const { server, client } = await stage.pair();
      const actor = await server.spawn(ledger, { label: 'unwatch' });
      const [kept, dropped] = [await client.watch(actor), await server.watch(actor)];
      let heard = false;
      void dropped.terminated.then(() => {
        heard = true;
      });
      dropped.unwatch();
      await server.close();
      assert.equal((await stage.within(kept.terminated, 'the end')).reason, 'stopped');
      assert.equal(heard, false);
    },
  },
];
