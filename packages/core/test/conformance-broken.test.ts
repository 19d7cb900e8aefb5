// The suite proves itself: for each rule a runtime that breaks it, and at least one test of that rule must notice.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { createRuntime, memory } from '@pigeonhole/core';
import { type CreateRuntime, type HarnessOptions, rulesFor, runRule } from '@pigeonhole/core/conformance';
import { describe, expect, test } from 'vitest';
import { codeOf, type Message, type Sabotage, sabotaged, showing } from './conformance-sabotage.js';

const sound = createRuntime as CreateRuntime;

/** How a runtime breaks each rule. */
const sabotages: Readonly<Record<string, () => Sabotage>> = {
  // Each runtime has mailboxes of its own.
  R1: () => {
    const suffix = Math.random().toString(36).slice(2);
    return {
      address: (address) =>
        address.kind === 'mailbox'
          ? { ...address, name: `${address.name.slice(0, 100)}-${suffix}` }
          : address,
    };
  },
  // receive(peer(P)) takes from anybody.
  R2: () => ({
    address: (address, role) =>
      address.kind === 'peer' && role === 'receiver' ? { kind: 'anyPeer' } : address,
  }),
  // The body may say who sent it.
  R3: () => ({
    receiver: (handle) =>
      showing(handle, (message) => ({
        ...message,
        from: (message.body as { from?: string } | null)?.from ?? message.from,
      })),
  }),
  // The second holder of a name quietly gets another.
  R4: () => ({
    create: (next, settings) =>
      next(settings).catch((error: unknown) => {
        if (codeOf(error) !== 'ERR_IN_USE') throw error;
        return next({ ...settings, name: `${settings.name}-2` });
      }),
  }),
  // send resolves when the message has been handed in.
  R5: () => ({
    sender: (handle) => ({
      send: async (body, options) => {
        handle.send(body, options).catch(() => undefined);
      },
    }),
  }),
  // send does not wait for space.
  R6: () => ({
    sender: (handle) => ({
      send: async (body, options) => {
        if (!(await handle.trySend(body, options))) throw new Error('full');
      },
    }),
  }),
  // A send that timed out goes on behind the caller's back.
  R7: () => ({
    sender: (handle) => ({
      send: (body, { timeout, signal, ...options } = {}) => {
        const sent = handle.send(body, options);
        const waits = [sent];
        if (timeout !== undefined) waits.push(handle.send(body, { timeout, ...options }));
        if (signal !== undefined)
          waits.push(
            new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
          );
        sent.catch(() => undefined);
        return Promise.race(waits);
      },
    }),
  }),
  // trySend says that it was accepted.
  R8: () => ({
    sender: (handle) => ({
      trySend: async (body, options) => {
        await handle.trySend(body, options);
        return true;
      },
    }),
  }),
  // Every other message is held back a little.
  R9: () => {
    let count = 0;
    return {
      sender: (handle) => ({
        send: async (body, options) => {
          if (count++ % 2 === 0) await later(5);
          return handle.send(body, options);
        },
      }),
    };
  },
  // The body is taken a moment after send was called.
  R10: () => ({
    sender: (handle) => ({
      send: async (body, options) => {
        await later(1);
        return handle.send(body, options);
      },
    }),
  }),
  // One call at a time.
  R11: () => ({
    receiver: (handle) => {
      let busy = false;
      return {
        receive: async (options) => {
          if (busy) throw new Error('busy');
          busy = true;
          return handle.receive(options).finally(() => {
            busy = false;
          });
        },
      };
    },
  }),
  // What was received is now and then put back as well.
  R12: () => {
    let count = 0;
    return {
      receiver: (handle, address, runtime) => ({
        receive: async (options) => {
          const message = await handle.receive(options);
          if (address.kind === 'mailbox' && ++count % 10 === 0)
            runtime.trySend(address, message.body).catch(() => undefined);
          return message;
        },
      }),
    };
  },
  // A receive that timed out takes the next message all the same.
  R13: () => ({
    receiver: (handle) => ({
      receive: (options) =>
        handle.receive(options).catch((error: unknown) => {
          if (codeOf(error) === 'ERR_TIMEOUT') handle.receive().catch(() => undefined);
          throw error;
        }),
    }),
  }),
  // Empty is an error.
  R14: () => ({
    receiver: (handle) => ({
      tryReceive: async (options) => (await handle.tryReceive(options)) ?? Promise.reject(new Error('empty')),
    }),
  }),
  // Nothing selects.
  R15: () => ({
    receiver: (handle) => ({
      receive: ({ type: _type, from: _from, ...options } = {}) => handle.receive(options),
      tryReceive: () => handle.tryReceive(),
      receiveMany: (max, { type: _type, from: _from, ...options } = {}) => handle.receiveMany(max, options),
    }),
  }),
  // Priorities do not count.
  R16: () => ({
    address: (address) => (address.kind === 'mailbox' ? { ...address, ordering: 'fifo' as const } : address),
  }),
  // One place more than was asked for.
  R17: () => ({
    address: (address) =>
      address.kind === 'mailbox' && typeof address.capacity === 'number'
        ? { ...address, capacity: address.capacity + 1 }
        : address,
  }),
  // No limit in bytes.
  R18: () => ({ settings: ({ mailboxes: _, ...settings }) => settings }),
  // Whatever capacity was asked for, the mailbox's own will do.
  R19: () => ({
    runtime: (real) => {
      const any = <A extends object>(address: A): A => ({ ...address, capacity: undefined });
      const adopt = async <H>(open: () => Promise<H>, again: () => Promise<H>) =>
        open().catch((error: unknown) => {
          if (codeOf(error) !== 'ERR_CAPACITY_MISMATCH') throw error;
          return again();
        });
      return {
        sender: (address) =>
          adopt(
            () => real.sender(address),
            () => real.sender(any(address)),
          ),
        receiver: (address) =>
          adopt(
            () => real.receiver(address),
            () => real.receiver(any(address)),
          ),
      };
    },
  }),
  // Unbounded unless somebody says otherwise.
  R20: () => ({
    address: (address) =>
      address.kind === 'mailbox' ? { ...address, capacity: address.capacity ?? 'unbounded' } : address,
  }),
  // Bodies travel as JSON.
  R21: () => ({
    receiver: (handle) =>
      showing(handle, (message) => ({
        ...message,
        body: JSON.parse(JSON.stringify(message.body ?? null, bigints)) as unknown,
      })),
  }),
  // What is too large is cut off.
  R22: () => ({
    sender: (handle) => ({
      send: (body, options) =>
        handle.send(body, options).catch((error: unknown) => {
          if (codeOf(error) !== 'ERR_TOO_LARGE' || !(body instanceof Uint8Array)) throw error;
          return handle.send(body.subarray(0, 1000), options);
        }),
    }),
  }),
  // What cannot be sent is left out.
  R23: () => ({
    sender: (handle) => ({
      send: (body, options) =>
        handle.send(body, options).catch((error: unknown) => {
          if (codeOf(error) !== 'ERR_UNSERIALIZABLE') throw error;
          return handle.send(null, options);
        }),
    }),
  }),
  // Closing a handle does nothing.
  R24: () => ({ receiver: () => ({ close: async () => {} }), sender: () => ({ close: async () => {} }) }),
  // Messages come from nowhere.
  R25: () => ({
    receiver: (handle) => ({
      tryReceive: async (options) => (await handle.tryReceive(options)) ?? phantom,
    }),
  }),
  // The first message vanishes.
  R26: () => {
    let first = true;
    return {
      sender: (handle) => ({
        send: async (body, options) => {
          if (!first) return handle.send(body, options);
          first = false;
        },
      }),
    };
  },
  // A peer that was never there is reported.
  R27: () => ({
    runtime: (real) => ({
      on: (event, listener) => {
        if (event === 'peer:up')
          (listener as (peer: object) => void)({ name: 'ghost', incarnation: '0', pid: 1 });
        return real.on(event, listener);
      },
    }),
  }),
  // Something lies open to others.
  R28: () => ({
    runtime: (_, { directory }) => {
      writeFileSync(join(directory, 'open.sock'), '');
      return {};
    },
  }),
};

const phantom: Message = { body: 'phantom', from: 'nobody', priority: 0, sentAt: 0 };
const bigints = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

/** The first test of the rule that fails, or null. */
async function noticed(
  rule: string,
  options: HarnessOptions,
): Promise<{ title: string; error: unknown } | null> {
  for (const each of rulesFor(['process']).filter((one) => one.rule.rule === rule))
    try {
      await runRule(each.rule, each.place, options);
    } catch (error) {
      return { title: each.rule.title, error };
    }
  return null;
}

describe('a runtime that breaks', () => {
  for (const [rule, make] of Object.entries(sabotages))
    test(`${rule} is found out`, async () => {
      // Healthy runs have a long watchdog; here many a wait is for what will never come.
      const options = { transport: 'memory', watchdog: 1500, createRuntime: sabotaged(sound, make) };
      expect(await noticed(rule, options), `no test of ${rule} noticed`).not.toBeNull();
    }, 120_000);
});

test('every rule has a runtime that breaks it', () => {
  expect(Object.keys(sabotages)).toEqual([...new Set(rulesFor(['process']).map(({ rule }) => rule.rule))]);
});

test('a transport that claims to reach other processes must run its suite there', async () => {
  const claims = { ...memory(), capabilities: { ...memory().capabilities, crossProcess: true } };
  const found = await noticed('R25', { transport: claims, watchdog: 1500 });
  expect(String(found?.error)).toContain('runs its suite in processes, too');
});

test('the sabotage itself breaks nothing', async () => {
  const createSound = sabotaged(sound, () => ({}));
  for (const rule of ['R5', 'R12', 'R15', 'R17', 'R24'])
    expect(await noticed(rule, { transport: 'memory', createRuntime: createSound })).toBeNull();
}, 120_000);
