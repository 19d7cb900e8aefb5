import assert from 'node:assert/strict';
import { defineActor } from '../../src/index.js';
import { door, ledger } from './cast.js';
import type { ActorTest } from './index.js';
import { rejection } from './stage.js';

/** Passes on what it is asked: to see who the next one takes for its sender. */
const relay = defineActor('relay', {
  handlers: {
    sender: (ctx) => ctx.ref<typeof ledger>('ledger').ask.sender(),
    trace: (ctx) => ctx.ref<typeof ledger>('ledger').ask.trace(),
    later(ctx, value: string) {
      return ctx.self.tell.keep?.(value);
    },
    keep(ctx, value: string) {
      ctx.log.info({ value }, 'kept');
      ctx.state.kept.push(value);
    },
    kept: (ctx) => ctx.state.kept,
    replace(ctx) {
      ctx.state = { kept: ['replaced'] };
    },
  },
  state: () => ({ kept: [] as string[] }),
});

export const contexts: readonly ActorTest[] = [
  {
    title: 'ctx.stash puts aside, ctx.become changes what is understood, ctx.unstash brings back in order',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(door);
      const ref = client.ref<typeof door>('door');
      const passing = ['a', 'b', 'c'].map((who) => ref.ask.pass(who));
      await stage.until(async () => (await ref.ask.log()).length === 0, 'the door to be asked');
      await ref.tell.open();
      const passed = await stage.within(Promise.all(passing), 'all to pass');
      assert.deepEqual(passed, ['a passed', 'b passed', 'c passed']);
      assert.deepEqual(await ref.ask.log(), ['a', 'b', 'c']);
      assert.equal(await ref.ask.pass('d'), 'd passed');
    },
  },
  {
    title: 'timers come as turns, and end with the actor',
    async run(stage) {
      const { server, client } = await stage.pair();
      const actor = await server.spawn(door);
      const ref = client.ref<typeof door>('door');
      await ref.ask.once(1);
      await stage.until(async () => (await ref.ask.log()).includes('once'), 'the timer');
      await ref.ask.every(1);
      await stage.until(
        async () => (await ref.ask.log()).filter((text) => text === 'every').length >= 3,
        'three ticks',
      );
      await ref.ask.cancel();
      const { length } = await ref.ask.log();
      await ref.ask.once(5);
      await stage.until(async () => (await ref.ask.log()).length === length + 1, 'only the other timer');
      await ref.ask.every(1);
      await actor.stop();
    },
  },
  {
    title: 'references of the context say who sends, and carry the trace on',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(ledger, { label: 'relayed' });
      await server.spawn(relay);
      const ref = client.ref<typeof relay>('relay');
      assert.deepEqual(await ref.ask.sender(), { process: 'server', actor: 'relay' });
      const trace = { traceparent: `00-${'12'.repeat(16)}-${'34'.repeat(8)}-00` };
      assert.deepEqual(await ref.ask.trace(undefined, { trace }), trace);
      await ref.ask.later('note to self');
      assert.deepEqual(await ref.ask.kept(), ['note to self']);
      await ref.ask.replace();
      assert.deepEqual(await ref.ask.kept(), ['replaced']);
    },
  },
  {
    title: 'a runtime serves one actor of a name; a start that fails leaves nothing',
    async run(stage) {
      const server = await stage.runtime('server');
      await server.spawn(ledger, { label: 'one' });
      assert.equal((await rejection(server.spawn(ledger, { label: 'two' }))).code, 'ERR_IN_USE');
      const failing = defineActor('failing', {
        state: (): number => {
          throw new Error('no state');
        },
        handlers: {},
      });
      for (let tries = 0; tries < 2; tries++)
        assert.equal((await rejection(server.spawn(failing))).message, 'no state');
      assert.deepEqual(
        server.actors().map(({ name }) => name),
        ['ledger'],
      );
    },
  },
];
