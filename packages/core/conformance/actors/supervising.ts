import assert from 'node:assert/strict';
import { brittle, ledger, limited, oneForAll, oneForOne, restForOne, stoic } from './cast.js';
import type { ActorTest } from './index.js';
import type { ActorStage } from './stage.js';
import { rejection } from './stage.js';

const scopes = { oneForOne, oneForAll, restForOne };

/** Which of three siblings have been started again once the middle one has failed. */
async function restarted(stage: ActorStage, scope: keyof typeof scopes): Promise<string[]> {
  const definition = scopes[scope];
  const { server, client } = await stage.pair();
  await server.spawn(definition);
  const child = (label: string) => client.ref<typeof ledger>(`${definition.name}.${label}`);
  const before = await Promise.all(['a', 'b', 'c'].map((label) => child(label).ask.report()));
  for (const label of ['a', 'b', 'c']) await child(label).ask.note('before');
  await rejection(child('b').ask.crash('middle'));
  const after = ['a', 'b', 'c'].map(async (label, at) => {
    const { starts, seen } = await child(label).ask.report();
    const again = starts > (before[at]?.starts ?? 0);
    assert.equal(seen.length, again ? 0 : 1, 'a restart, and nothing else, makes a new state');
    return again ? [label] : [];
  });
  return (await Promise.all(after)).flat();
}

export const supervision: readonly ActorTest[] = [
  {
    title: 'restart makes a new state; the message that crashed it is a dead letter with its error, once',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(ledger, { label: `restart ${stage.namespace}` });
      const ref = client.ref<typeof ledger>('ledger');
      await ref.tell.note('kept until the crash');
      await ref.tell.crash('told');
      await ref.tell.note('after');
      assert.deepEqual(await ref.ask.report(), { seen: ['after'], most: 0, starts: 2 });
      const error = await rejection(ref.ask.crash('asked'));
      assert.deepEqual([error.name, error.message], ['TypeError', 'asked']);
      const letters = await client.deadLetters.list();
      assert.deepEqual(
        letters.map(({ actor, handler, arg, reason, error: thrown, from, at, replays }) => ({
          ...{ actor, handler, arg, reason, thrown, from, at, replays },
        })),
        ['told', 'asked'].map((arg) => ({
          ...{ actor: 'ledger', handler: 'crash', arg, reason: 'crashed' },
          thrown: { name: 'TypeError', message: arg },
          ...{ from: 'client', at: 'server', replays: 0 },
        })),
      );
      assert.equal(server.actors()[0]?.restarts, 2);
    },
  },
  {
    title: 'a refusal is an answer: no restart, no dead letter',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(ledger, { label: `refusal ${stage.namespace}` });
      const ref = client.ref<typeof ledger>('ledger');
      await ref.tell.note('state');
      await rejection(ref.ask.refuse(null));
      await ref.tell.refuse(null);
      assert.deepEqual(await ref.ask.report(), { seen: ['state'], most: 0, starts: 1 });
      assert.deepEqual(await server.deadLetters.list(), []);
    },
  },
  {
    title: 'resume keeps the state; stop ends the actor; too many restarts end it',
    async run(stage) {
      const { server, client } = await stage.pair();
      await Promise.all([server.spawn(stoic), server.spawn(brittle), server.spawn(limited)]);
      const steady = client.ref<typeof stoic>('stoic');
      assert.equal(await steady.ask.add(), 1);
      await rejection(steady.ask.crash('no matter'));
      assert.equal(await steady.ask.add(), 2);
      const fragile = client.ref<typeof brittle>('brittle');
      const gone = await client.watch(fragile);
      await rejection(fragile.ask.crash('once'));
      assert.equal((await stage.within(gone.terminated, 'the actor to end')).reason, 'crashed');
      const tired = client.ref<typeof limited>('limited');
      const end = await client.watch(tired);
      for (const message of ['first', 'second', 'third']) await rejection(tired.ask.crash(message));
      const { reason, error } = await stage.within(end.terminated, 'the actor to give up');
      assert.deepEqual([reason, error?.message], ['crashed', 'third']);
      assert.deepEqual(
        server.actors().map(({ name }) => name),
        ['stoic'],
      );
    },
  },
  {
    title: 'one-for-one restarts the one that failed',
    run: async (stage) => assert.deepEqual(await restarted(stage, 'oneForOne'), ['b']),
  },
  {
    title: 'one-for-all restarts all siblings',
    run: async (stage) => assert.deepEqual(await restarted(stage, 'oneForAll'), ['a', 'b', 'c']),
  },
  {
    title: 'rest-for-one restarts those that were started after it, too',
    run: async (stage) => assert.deepEqual(await restarted(stage, 'restForOne'), ['b', 'c']),
  },
  {
    title: 'escalate fails the parent, which starts anew with its children; stop does not',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(oneForOne);
      const parent = client.ref<typeof oneForOne>('one-for-one');
      await parent.ask.adopt({ name: 'quiet', strategy: 'stop' });
      await parent.ask.watch('quiet');
      await rejection(client.ref<typeof brittle>('quiet').ask.crash('alone'));
      await stage.until(async () => (await parent.ask.log()).length === 1, 'the parent to hear of it');
      assert.deepEqual(await parent.ask.log(), ['quiet crashed']);
      await parent.ask.adopt({ name: 'loud', strategy: 'escalate' });
      await rejection(client.ref<typeof brittle>('loud').ask.crash('together'));
      await stage.until(async () => (await parent.ask.log()).length === 0, 'the parent to start anew');
      assert.ok(!server.actors().some(({ name }) => name === 'loud'));
      const child = client.ref<typeof ledger>('one-for-one.a');
      assert.equal(await stage.within(child.ask.echo('again'), 'the new child'), 'again');
    },
  },
  {
    title: 'dead letters can be sent again, some of them, and say how often they were',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(ledger, { label: 'replay' });
      const ref = client.ref<typeof ledger>('ledger');
      await rejection(ref.ask.crash('one'));
      await rejection(ref.ask.crash('two'));
      assert.equal(await client.deadLetters.replay(({ arg }) => arg === 'one'), 1);
      const letters = await stage.until(async () => {
        const found = await client.deadLetters.list();
        return found.length === 2 && found;
      }, 'the replayed letter to come back');
      assert.deepEqual(letters.map(({ arg, replays }) => [arg, replays]).sort(), [
        ['one', 1],
        ['two', 0],
      ]);
      assert.equal((await client.deadLetters.take()).length, 2);
      assert.deepEqual(await server.deadLetters.list(), []);
    },
  },
];
