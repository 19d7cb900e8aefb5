import assert from 'node:assert/strict';
import { RemoteError } from '../../src/index.js';
import { ledger, waiter } from './cast.js';
import type { ActorTest } from './index.js';
import { rejection } from './stage.js';

export const asking: readonly ActorTest[] = [
  {
    title: 'messages of one sender are handled in order, one at a time',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(ledger, { label: 'order' });
      const ref = client.ref<typeof ledger>('ledger');
      const numbers = Array.from({ length: 200 }, (_, n) => n);
      const told = numbers.map((value) => ref.tell.slowly({ value, turns: value % 3 }));
      await stage.within(Promise.all(told), 'the messages to be accepted');
      const report = await stage.within(ref.ask.report(), 'the report');
      assert.deepEqual(report, { seen: numbers, most: 1, starts: 1 });
    },
  },
  {
    title: 'a reply arrives as it was returned, from a handler that waits and from one that does not',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(ledger, { label: 'reply' });
      const ref = client.ref<typeof ledger>('ledger');
      const values = [undefined, null, 0, -0, 7n, 'é', new Date(5), new Map([[1, new Set([2])]]), [{ a: 1 }]];
      for (const value of values) {
        assert.deepEqual(await ref.ask.echo(value), value);
        assert.deepEqual(await ref.ask.echoLater(value), value);
      }
      assert.equal(await ref.ask.answerEarly('bird'), 'early bird');
      assert.deepEqual(await ref.ask.sender(), { process: 'client', actor: null });
    },
  },
  {
    title: 'what a handler throws reaches the caller typed, without a stack',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(ledger, { label: 'errors' });
      const ref = client.ref<typeof ledger>('ledger');
      const refusal = await rejection(ref.ask.refuse({ sku: 'A1' }));
      assert.ok(refusal instanceof RemoteError);
      const { name, message, code, data, actor } = refusal;
      assert.deepEqual(
        { name, message, code, data, actor },
        { name: 'NotToday', message: 'not today', code: 'NOT_TODAY', data: { sku: 'A1' }, actor: 'ledger' },
      );
      assert.equal(refusal.remoteStack, undefined);
      const crash = await rejection(ref.ask.crashLater('oops'));
      assert.deepEqual(
        [crash instanceof RemoteError, crash.name, crash.message],
        [true, 'RangeError', 'oops'],
      );
      const bad = await rejection(ref.ask.unserializable());
      assert.deepEqual([bad instanceof RemoteError, bad.code], [true, 'ERR_UNSERIALIZABLE']);
      const unsent = await rejection(ref.ask.refuse(() => 1));
      assert.deepEqual([unsent instanceof RemoteError, unsent.code], [false, 'ERR_UNSERIALIZABLE']);
    },
  },
  {
    title: 'a handler that is not there is said at once, and the message is a dead letter',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(ledger, { label: 'unknown' });
      const ref = client.ref<typeof ledger>('ledger') as unknown as {
        ask: Record<string, () => Promise<unknown>>;
      };
      for (const name of ['nothing', 'constructor', '__proto__']) {
        const error = await rejection(ref.ask[name]?.() ?? Promise.resolve());
        assert.deepEqual([error.code, error.message.includes(name)], ['ERR_UNSUPPORTED', true]);
      }
      const letters = await server.deadLetters.list();
      assert.deepEqual(
        letters.map(({ handler, reason }) => [handler, reason]),
        [
          ['nothing', 'unhandled'],
          ['constructor', 'unhandled'],
          ['__proto__', 'unhandled'],
        ],
      );
    },
  },
  {
    title: 'an ask that nobody serves times out and says so; it is not handled later, and counted',
    async run(stage) {
      const { server, client } = await stage.pair();
      const ref = client.ref<typeof ledger>('ledger');
      const error = await rejection(ref.ask.echo('late', { timeout: 30 }));
      assert.equal(error.code, 'ERR_TIMEOUT');
      assert.match(error.message, /ledger\.echo.*30 ms.*(nobody serves|not taken)/);
      const kind = client.explain({ kind: 'mailbox', name: 'ledger' }).kind;
      if (kind === 'link') {
        const refused = await rejection(ref.ask.echo('now', { wait: false }));
        assert.deepEqual([refused.code, /nobody serves/.test(refused.message)], ['ERR_PEER_DOWN', true]);
      }
      await server.spawn(ledger, { label: 'late' });
      assert.equal(await stage.within(ref.ask.echo('on time'), 'an answer'), 'on time');
      // On a store the late one lay in the mailbox; over links it had not been accepted, and was withdrawn.
      const [status] = server.actors();
      assert.deepEqual([status?.handled, status?.skipped], [1, kind === 'store' ? 1 : 0]);
    },
  },
  {
    title: 'an ask waits for an actor that is spawned later',
    async run(stage) {
      const { server, client } = await stage.pair();
      const asked = client.ref<typeof ledger>('ledger').ask.echo('patience');
      await server.spawn(ledger, { label: 'later' });
      assert.equal(await stage.within(asked, 'the answer'), 'patience');
    },
  },
  {
    title: 'what waits behind a caller’s deadline is skipped and counted',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(waiter, undefined);
      await server.spawn(ledger, { label: 'skip' });
      const ref = client.ref<typeof ledger>('ledger');
      const skipped = () => server.actors().find(({ name }) => name === 'ledger')?.skipped;
      // What has not even been accepted in time is withdrawn, and nothing is there to be skipped: then once more, with more time.
      for (let patience = 10; skipped() === 0; patience *= 4) {
        const slow = ref.ask.slowly({ value: 'slow', turns: 10 * patience }, { timeout: Infinity });
        const late = rejection(ref.ask.echo('never', { timeout: patience }));
        assert.equal((await stage.within(late, 'the timeout')).code, 'ERR_TIMEOUT');
        await stage.within(slow, 'the slow one');
        await stage.within(ref.ask.echo('after it', { timeout: Infinity }), 'what came after it');
      }
      assert.equal(skipped(), 1);
    },
  },
  {
    title: 'giving up, and the deadline, reach the handler as ctx.signal',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(waiter, undefined);
      const ref = client.ref<typeof waiter>('waiter');
      const controller = new AbortController();
      const aborted = rejection(ref.ask.wait('by signal', { signal: controller.signal }));
      await stage.until(async () => (await ref.ask.begun()).includes('by signal'), 'the handler to begin');
      controller.abort(new Error('changed my mind'));
      assert.equal((await aborted).message, 'changed my mind');
      const late = await rejection(ref.ask.wait('by deadline', { timeout: 60 }));
      assert.equal(late.code, 'ERR_TIMEOUT');
      await stage.until(async () => (await ref.ask.aborted()).length === 2, 'both handlers to be aborted');
      await assert.rejects(ref.ask.wait('not at all', { signal: controller.signal }), /changed my mind/);
      const answered = ref.ask.wait('to the end');
      await stage.until(async () => (await ref.ask.begun()).includes('to the end'), 'the handler to begin');
      await ref.tell.open('to the end');
      assert.equal(await stage.within(answered, 'the answer'), 'to the end');
      assert.equal(server.actors()[0]?.failed, 0, 'giving up is no failure of the actor');
    },
  },
  {
    title: 'thousands of asks at once are all answered, each with its own',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(ledger, { label: 'many' });
      const ref = client.ref<typeof ledger>('ledger');
      const numbers = Array.from({ length: 3000 }, (_, n) => n);
      const replies = await stage.within(Promise.all(numbers.map((n) => ref.ask.echo(n))), '3000 replies');
      assert.deepEqual(replies, numbers);
    },
  },
  {
    title: 'closing settles every ask, on both sides',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(waiter, undefined);
      const ref = client.ref<typeof waiter>('waiter');
      const first = rejection(ref.ask.wait('first', { timeout: 60_000 }));
      await stage.until(async () => (await ref.ask.begun()).length === 1, 'the handler to begin');
      await stage.within(server.close({ deadline: 10 }), 'the server to close');
      assert.match((await stage.within(first, 'the aborted ask')).message, /stopped|died/);
      const second = rejection(ref.ask.wait('second', { timeout: 60_000 }));
      await stage.within(client.close(), 'the client to close');
      assert.equal((await stage.within(second, 'the unsent ask')).code, 'ERR_CLOSED');
      assert.throws(() => client.ref('waiter'), { code: 'ERR_CLOSED' });
    },
  },
  {
    title: 'trace context travels, and on through references of the context',
    async run(stage) {
      const { server, client } = await stage.pair();
      await server.spawn(ledger, { label: 'trace' });
      const trace = { traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`, tracestate: 'vendor=1' };
      const ref = client.ref<typeof ledger>('ledger');
      assert.deepEqual(await ref.ask.trace(undefined, { trace }), trace);
      assert.equal(await ref.ask.trace(), null);
      const wrong = await rejection(ref.ask.trace(undefined, { trace: { traceparent: 'nonsense' } }));
      assert.deepEqual([wrong.code, /traceparent/.test(wrong.message)], ['ERR_CONFIG', true]);
    },
  },
];
