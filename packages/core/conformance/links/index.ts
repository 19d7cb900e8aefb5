/**
 * The link suite: the contract of a link by itself, below core. It is what must pass first after a mechanism has changed.
 *
 * ```ts
 * import { linkConformance } from '@pigeonhole/core/conformance';
 * import { describe, test } from 'vitest';
 * import uds from '../src/index.js';
 *
 * linkConformance({ runner: { describe, test }, name: 'uds', transport: uds() });
 * ```
 */
import assert from 'node:assert/strict';
import type { LinkTransport } from '../../src/transport.js';
import type { Runner } from '../runner.js';
import { Watchdog } from '../watchdog.js';
import { LinkStage } from './stage.js';

export interface LinkConformanceOptions {
  /** `{ describe, test }` of the test runner in use. */
  runner: Runner;
  /** Of the transport, for the titles. */
  name: string;
  transport: LinkTransport;
  /** Milliseconds after which a test counts as hung. Default 45,000. */
  watchdog?: number;
}

/** Defines the tests with the runner given. */
export function linkConformance({ runner, name, transport, watchdog }: LinkConformanceOptions): void {
  const { limit } = new Watchdog(watchdog);
  runner.describe(`links over ${name}`, () => {
    for (const { title, run } of linkTests)
      runner.test(title, () => LinkStage.with(transport, limit, run), limit * 2);
  });
}

/** `run` throws if the contract is not kept. */
export const linkTests: readonly { title: string; run(stage: LinkStage): Promise<void> }[] = [
  {
    title: 'bytes arrive in order in both directions, and no handler is called from within write',
    async run(stage) {
      const [near, far] = await stage.link();
      for (let i = 0; i < 1000; i++) {
        near.write(`near ${i};`);
        far.write(`far ${i};`);
      }
      const words = (name: string) => Array.from({ length: 1000 }, (_, i) => `${name} ${i};`).join('');
      await far.until(() => far.length >= words('near').length);
      await near.until(() => near.length >= words('far').length);
      assert.equal(far.bytes.toString(), words('near'));
      assert.equal(near.bytes.toString(), words('far'));
      assert.deepEqual([near.reentered, far.reentered], [false, false]);
    },
  },
  {
    title: 'a batch written by a link that is empty then may be written over',
    async run(stage) {
      const [near, far] = await stage.link();
      const sent: Buffer[] = [];
      for (let i = 0; i < 200; i++) {
        const batch = Buffer.alloc(1 + ((i * 7919) % 100_000), i);
        sent.push(Buffer.from(batch));
        const takesMore = near.call((link) => link.write(batch));
        if (near.link.empty) batch.fill(0xee);
        const drains = near.drains;
        if (!takesMore) await near.until(() => near.drains > drains);
      }
      const all = Buffer.concat(sent);
      await far.until(() => far.length >= all.length);
      assert.ok(far.bytes.equals(all));
    },
  },
  {
    title: 'write answers false when it would rather wait, drain follows, and nothing is lost meanwhile',
    async run(stage) {
      const [near, far] = await stage.link();
      const block = Buffer.alloc(64 * 1024, 7);
      let written = 0;
      let more = true;
      for (; more && written < 2 ** 26; written += block.length)
        more = near.call((link) => link.write(block));
      assert.equal(more, false, 'write has asked to wait within 64 MiB');
      await near.until(() => near.log.includes('drain'));
      near.write('end');
      await far.until(() => far.length >= written + 3);
      assert.equal(far.length, written + 3);
      assert.equal(far.bytes.subarray(written).toString(), 'end');
      assert.equal(near.reentered, false);
    },
  },
  {
    title: 'close lets what is written leave; each side ends once, after all data',
    async run(stage) {
      const [near, far] = await stage.link();
      near.write('the last words');
      near.call((link) => link.close());
      near.call((link) => link.close());
      await Promise.all([near.untilOver(), far.untilOver()]);
      assert.equal(far.bytes.toString(), 'the last words');
      near.call((link) => link.destroy());
      far.call((link) => link.close());
      // Another link's whole life: what the first had still to report has come by then.
      const [next, other] = await stage.link();
      next.call((link) => link.close());
      await Promise.all([next.untilOver(), other.untilOver()]);
      for (const { log, reentered } of [near, far]) {
        assert.equal(log.filter((what) => what === 'end').length, 1);
        assert.equal(log.at(-1), 'end');
        assert.equal(reentered, false);
      }
    },
  },
  {
    title: 'destroy ends both sides at once',
    async run(stage) {
      const [near, far] = await stage.link();
      far.write('on its way');
      near.call((link) => link.destroy(new Error('enough')));
      await Promise.all([near.untilOver(), far.untilOver()]);
      assert.equal(near.log.at(-1), 'end');
      assert.equal(far.log.at(-1), 'end');
    },
  },
  {
    title: 'a closed port refuses with ERR_PEER_DOWN and leaves open links alone',
    async run(stage) {
      const [near, far] = await stage.link();
      await stage.far.close();
      await assert.rejects(stage.link(), { code: 'ERR_PEER_DOWN' });
      near.write('still here');
      await far.until(() => far.length >= 10);
      assert.equal(far.bytes.toString(), 'still here');
    },
  },
];
