/** Who hosts what, and who is there, among runtimes that share a thread. */
import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { anyPeer, mailbox, peer } from '../src/address.js';
import type { RuntimeOptions } from '../src/config.js';
import { createRuntime } from '../src/create-runtime.js';
import { MemoryRegistry } from '../src/memory.js';
import { newIncarnation } from '../src/naming.js';
import type { Runtime } from '../src/runtime.js';

const newNamespace = (): string => `m-${randomUUID()}`;

/** A registry, and what it was told. */
function member(namespace: string, name: string): { registry: MemoryRegistry; told: string[] } {
  const told: string[] = [];
  const self = { name, incarnation: newIncarnation(), pid: process.pid, ports: { hub: `at ${name}` } };
  const registry = new MemoryRegistry(namespace, self, {
    peerUp: (other) => told.push(`up ${other.name}`),
    peerDown: (other) => told.push(`down ${other.name}`),
    hostChanged: (what) => told.push(`host ${what}`),
    warn: (error) => told.push(`warning ${error.message}`),
  });
  return { registry, told };
}

async function runtime(options: RuntimeOptions): Promise<Runtime> {
  const made = await createRuntime({ config: false, logger: false, transport: 'memory', ...options });
  onTestFinished(async () => void (await made.close()));
  return made;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('hosts', () => {
  test('one of two claimants owns a mailbox; the other finds it, and its ports', async () => {
    const namespace = newNamespace();
    const [a, b] = [member(namespace, 'a'), member(namespace, 'b')];
    await a.registry.join();
    await b.registry.join();
    expect(await b.registry.locate('orders')).toBe(null);
    expect(await a.registry.claim('orders', 'hub')).toBe(true);
    expect(await a.registry.claim('orders', 'hub')).toBe(true);
    expect(await b.registry.claim('orders', 'hub')).toBe(false);
    expect(await b.registry.locate('orders')).toEqual({ peer: a.registry.self, transport: 'hub' });
    expect(b.told).toEqual(['up a', 'host orders']);
  });

  test('a release frees a mailbox and tells the others; only its owner can', async () => {
    const namespace = newNamespace();
    const [a, b] = [member(namespace, 'a'), member(namespace, 'b')];
    await a.registry.join();
    await b.registry.join();
    await a.registry.claim('orders', 'hub');
    await b.registry.release('orders');
    expect(await b.registry.claim('orders', 'hub')).toBe(false);
    await a.registry.release('orders');
    expect(b.told).toEqual(['up a', 'host orders', 'host orders']);
    expect(await b.registry.claim('orders', 'hub')).toBe(true);
  });

  test('who leaves releases what it hosts before it is down', async () => {
    const namespace = newNamespace();
    const [a, b] = [member(namespace, 'a'), member(namespace, 'b')];
    await a.registry.join();
    await b.registry.join();
    await a.registry.claim('orders', 'hub');
    await a.registry.leave();
    await a.registry.leave();
    expect(b.told).toEqual(['up a', 'host orders', 'host orders', 'down a']);
    expect(await b.registry.locate('orders')).toBe(null);
  });

  test('namespaces share nothing', async () => {
    const [a, b] = [member(newNamespace(), 'a'), member(newNamespace(), 'a')];
    await a.registry.join();
    await b.registry.join();
    expect(await a.registry.claim('orders', 'hub')).toBe(true);
    expect(await b.registry.claim('orders', 'hub')).toBe(true);
    expect(b.registry.find('a')).toBe(b.registry.self);
  });
});

describe('members', () => {
  test('the newcomer knows all others at once; they hear of it a turn later', async () => {
    const namespace = newNamespace();
    const [a, b] = [member(namespace, 'a'), member(namespace, 'b')];
    await a.registry.join();
    await b.registry.join();
    expect(a.registry.peers()).toEqual([b.registry.self]);
    expect(await a.registry.identify(b.registry.self.incarnation)).toBe(b.registry.self);
    expect([a.told, b.told]).toEqual([[], ['up a']]);
    await nextTurn();
    expect([a.told, b.told]).toEqual([['up b'], ['up a']]);
  });

  test('who leaves in the turn in which it came is told of both ways', async () => {
    const namespace = newNamespace();
    const [a, b] = [member(namespace, 'a'), member(namespace, 'b')];
    await a.registry.join();
    await b.registry.join();
    await b.registry.leave();
    await nextTurn();
    expect(a.told).toEqual(['up b', 'down b']);
  });

  test('a name that is held is ERR_IN_USE, and whoever failed to take it takes nothing along', async () => {
    const namespace = newNamespace();
    const [a, twin] = [member(namespace, 'a'), member(namespace, 'a')];
    await a.registry.join();
    await expect(twin.registry.join()).rejects.toMatchObject({ code: 'ERR_IN_USE', address: 'a' });
    await twin.registry.leave();
    expect(a.registry.find('a')).toBe(a.registry.self);
  });
});

test('a direct message that waits for its process reaches it when it comes, at the capacity it comes with', async () => {
  const namespace = newNamespace();
  const a = await runtime({ namespace, name: 'a' });
  const sent = a.send(peer('late'), 'hello');
  const late = await runtime({ namespace, name: 'late', inbox: { capacity: 3 } });
  expect(await late.receive(anyPeer)).toMatchObject({ body: 'hello', from: 'a' });
  await sent;
  for (let i = 0; i < 3; i++) expect(await a.trySend(peer('late'), i)).toBe(true);
  expect(await a.trySend(peer('late'), 3)).toBe(false);
});

test('a mailbox on the memory transport is shared by the runtimes of one namespace', async () => {
  const namespace = newNamespace();
  const [a, b] = [await runtime({ namespace, name: 'a' }), await runtime({ namespace, name: 'b' })];
  const orders = mailbox<number>('orders', { capacity: 2 });
  await a.send(orders, 1);
  expect(await b.receive(orders)).toMatchObject({ body: 1, from: 'a' });
});

test('an option of the memory transport is a mistake', async () => {
  await expect(createRuntime({ config: false, transport: { use: 'memory', size: 3 } })).rejects.toMatchObject(
    {
      code: 'ERR_CONFIG',
      message: "transport 'memory' has no option 'size'; it has none",
    },
  );
});
