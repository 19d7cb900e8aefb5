// Actors on a clock that the test moves: back-off, deadlines, timers, and what listeners are told.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { defineActor, mailbox, type RestartEvent, type SendEvent } from '@pigeonhole/core';
import { createTestRuntime, VirtualClock } from '@pigeonhole/core/testing';
import { describe, expect, onTestFinished, test } from 'vitest';

async function setUp() {
  const clock = new VirtualClock();
  const runtime = await createTestRuntime({ clock });
  onTestFinished(async () => void (await runtime.close({ deadline: 0 })));
  return { clock, runtime };
}

/** Hears a diagnostics channel until the test is over. */
function heard<T>(name: string, listener: (event: T) => void = () => {}): T[] {
  const events: T[] = [];
  const onEvent = (event: unknown): void => {
    events.push(event as T);
    listener(event as T);
  };
  subscribe(name, onEvent);
  onTestFinished(() => void unsubscribe(name, onEvent));
  return events;
}

const fragile = (jitter: number) =>
  defineActor('fragile', {
    state: () => ({ handled: 0 }),
    handlers: {
      crash(): void {
        throw new Error('again');
      },
      ping: (ctx) => ++ctx.state.handled,
    },
    supervision: { backoff: { initial: 100, max: 1_000, jitter }, maxRestarts: 6, within: 60_000 },
  });

describe('time', () => {
  test('the back-off doubles up to its limit, and begins anew when the failures are long past', async () => {
    const { clock, runtime } = await setUp();
    const restarts = heard<RestartEvent>('pigeonhole:actor:restart');
    const ref = await runtime.spawn(fragile(0));
    for (let failure = 0; failure < 6; failure++) {
      ref.ask.crash().catch(() => {});
      await clock.advance(1_000);
    }
    expect(restarts.map(({ delay }) => delay)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    await clock.advance(61_000);
    ref.ask.crash().catch(() => {});
    await clock.advance(100);
    expect(restarts.at(-1)?.delay).toBe(100);
    expect(await ref.ask.ping()).toBe(1);
  });

  test('part of the back-off is random', async () => {
    const { clock, runtime } = await setUp();
    const restarts = heard<RestartEvent>('pigeonhole:actor:restart');
    const ref = await runtime.spawn(fragile(0.5));
    for (let failure = 0; failure < 6; failure++) {
      ref.ask.crash().catch(() => {});
      await clock.advance(1_000);
    }
    const full = [100, 200, 400, 800, 1_000, 1_000];
    expect(restarts.every(({ delay }, at) => delay >= (full[at] ?? 0) / 2 && delay <= (full[at] ?? 0))).toBe(
      true,
    );
    expect(new Set(restarts.map(({ delay }, at) => delay / (full[at] ?? 0))).size).toBeGreaterThan(1);
  });

  test('messages that come during the back-off wait for the end of it', async () => {
    const { clock, runtime } = await setUp();
    const ref = await runtime.spawn(fragile(0));
    ref.ask.crash().catch(() => {});
    await clock.advance(0);
    let answered = false;
    const answer = ref.ask.ping().then(() => {
      answered = true;
    });
    await clock.advance(99);
    expect(answered).toBe(false);
    await clock.advance(1);
    await answer;
  });

  test('an ask without a reply ends after 5 s, and no sooner', async () => {
    const { clock, runtime } = await setUp();
    const silent = defineActor('silent', { handlers: { never: () => new Promise<never>(() => {}) } });
    const ref = await runtime.spawn(silent);
    let reason: unknown;
    const asked = ref.ask.never().catch((error: Error) => {
      reason = error;
    });
    await clock.advance(4_990);
    expect(reason).toBeUndefined();
    await clock.advance(20);
    await asked;
    expect(reason).toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  test('one alarm serves ten thousand asks', async () => {
    const { clock, runtime } = await setUp();
    const silent = defineActor('silent', {
      handlers: { never: () => new Promise<never>(() => {}) },
      mailbox: { capacity: 'unbounded' },
    });
    const ref = await runtime.spawn(silent);
    const before = clock.pending;
    const asked = Array.from({ length: 10_000 }, () =>
      ref.ask.never().catch((error: { code: string }) => error.code),
    );
    expect(clock.pending - before).toBeLessThanOrEqual(1);
    await clock.advance(5_100);
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['ERR_TIMEOUT']));
  });

  test('closing ends though the clock stands still and a handler never does', async () => {
    const { runtime } = await setUp();
    const silent = defineActor('silent', { handlers: { never: () => new Promise<never>(() => {}) } });
    const ref = await runtime.spawn(silent);
    const asked = ref.ask.never().catch((error: Error) => error.message);
    await ref.tell.never();
    await runtime.close({ deadline: 20 });
    expect(await asked).toMatch(/has stopped|is closed/);
  });
});

describe('diagnostics_channel', () => {
  test('listeners hear of sending, acceptance, receipt and handling, and may give a trace', async () => {
    const { runtime } = await setUp();
    const traceparent = `00-${'1f'.repeat(16)}-${'2e'.repeat(8)}-01`;
    const echo = defineActor('echo', {
      handlers: { say: (ctx, text: string) => [ctx.trace?.traceparent, text] },
    });
    const ref = await runtime.spawn(echo);
    heard<SendEvent>('pigeonhole:actor:send', (event) => {
      event.trace = { traceparent };
    });
    const accepted = heard('pigeonhole:actor:accept');
    const received = heard('pigeonhole:actor:receive');
    const handled = heard('pigeonhole:actor:handle');
    expect(await ref.ask.say('hello')).toEqual([traceparent, 'hello']);
    expect(accepted).toEqual([{ actor: 'echo', handler: 'say' }]);
    const common = { actor: 'echo', handler: 'say', trace: { traceparent } };
    expect(received).toMatchObject([{ ...common, from: 'test' }]);
    expect(handled).toMatchObject([{ ...common, error: undefined }]);
  });
});

describe('restarts', () => {
  for (const concurrency of [1, 2])
    test(`a handler that never ends holds up no restarted actor (concurrency ${concurrency})`, async () => {
      const { clock, runtime } = await setUp();
      const child = defineActor('child', {
        handlers: { never: () => new Promise<never>(() => {}), ping: () => 'pong' },
        concurrency,
      });
      const family = defineActor('family', {
        async started(ctx) {
          await ctx.spawn(child, undefined, { name: 'stuck' });
          await ctx.spawn(fragile(0), undefined, { name: 'failing' });
        },
        handlers: {},
        supervision: { children: 'one-for-all' },
      });
      await runtime.spawn(family);
      const stuck = runtime.ref<typeof child>('stuck');
      const hung = Array.from({ length: concurrency }, () =>
        stuck.ask
          .never(undefined, { timeout: Number.POSITIVE_INFINITY })
          .catch((error: Error) => error.message),
      );
      await clock.advance(20);
      const failing = runtime.ref<ReturnType<typeof fragile>>('failing');
      await expect(failing.ask.crash()).rejects.toThrow('again');
      await clock.advance(200);
      expect(await Promise.all(hung)).toEqual(hung.map(() => "actor 'stuck' restarts"));
      expect(await stuck.ask.ping()).toBe('pong');
    });

  test('what is put aside and then crashes the actor is a dead letter, and not handled again', async () => {
    const { clock, runtime } = await setUp();
    const fickle = defineActor('fickle', {
      handlers: {
        both(ctx): void {
          ctx.stash();
          throw new Error('after all');
        },
        ping: () => 'pong',
      },
    });
    const ref = await runtime.spawn(fickle);
    await expect(ref.ask.both()).rejects.toThrow('after all');
    await clock.advance(1_000);
    expect(await ref.ask.ping()).toBe('pong');
    expect((await runtime.deadLetters.take()).map(({ handler }) => handler)).toEqual(['both']);
    expect(runtime.actors()).toMatchObject([{ failed: 1, restarts: 1 }]);
  });

  test('closing during a back-off waits for nothing', async () => {
    const runtime = await createTestRuntime();
    const slow = defineActor('slow', {
      handlers: {
        crash(): void {
          throw new Error('now');
        },
      },
      supervision: { backoff: { initial: 3_000_000, max: 3_000_000 } },
    });
    const ref = await runtime.spawn(slow);
    const watch = runtime.watch({ name: 'nobody' });
    const unwatched = expect(watch).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(ref.ask.crash()).rejects.toThrow('now');
    await runtime.close();
    await unwatched;
  });
});

describe('what is no actor message', () => {
  test('in an actor’s mailbox it is a dead letter; in a control mailbox it is passed over', async () => {
    const { runtime } = await setUp();
    const echo = defineActor('echo', { handlers: { say: (_ctx, text: string) => text } });
    const ref = await runtime.spawn(echo);
    const bodies = [null, 'text', [], [1], [2, 'say', 'x', null, 'nonsense', 1, 0], [9, 'say'], { say: 1 }];
    for (const body of bodies) await runtime.send(mailbox('echo'), body);
    expect(await ref.ask.say('still here')).toBe('still here');
    const letters = await runtime.deadLetters.take();
    expect(letters.map(({ arg, reason }) => [arg, reason])).toEqual(
      bodies.map((body) => [body, 'unhandled']),
    );
    const control = mailbox(`actors.${runtime.incarnation}`);
    for (const body of [
      null,
      [],
      [10],
      [10, -1],
      [10, 999, 1],
      [11, 1, 'x'],
      [12, 1, 'no'],
      [13, 5],
      [18, 2],
      [20, 0, 3, 4, 5],
    ])
      await runtime.send(control, body);
    expect(await ref.ask.say('still here')).toBe('still here');
  });
});
