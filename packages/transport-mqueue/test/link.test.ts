/** The contract of a link by itself, below core: what must pass first after the mechanism has changed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Link, LinkHandler, Port } from '@pigeonhole/core/transport';
import { describe, expect, onTestFinished, test } from 'vitest';
import mqueue from '../dist/index.js';

/** One end of a link and all that it reported. */
class End implements LinkHandler {
  readonly chunks: Uint8Array[] = [];
  readonly log: ('data' | 'drain' | 'end')[] = [];
  link!: Link;
  reentered = false;
  private calling = false;
  private waiting: { holds: () => boolean; resolve: () => void }[] = [];

  data(chunk: Uint8Array, owned: boolean): void {
    this.chunks.push(owned ? chunk : chunk.slice());
    this.report('data');
  }

  drain(): void {
    this.report('drain');
  }

  end(): void {
    this.report('end');
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Calls into the link, noticing a handler that is called meanwhile. */
  call<T>(use: (link: Link) => T): T {
    this.calling = true;
    const result = use(this.link);
    this.calling = false;
    return result;
  }

  write(text: string): boolean {
    return this.call((link) => link.write(Buffer.from(text)));
  }

  /** Resolves once it holds. Only a report can make it so. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ holds, resolve }));
  }

  untilOver(): Promise<void> {
    return this.until(() => this.log.includes('end'));
  }

  private report(what: 'data' | 'drain' | 'end'): void {
    this.log.push(what);
    this.reentered ||= this.calling;
    for (const { holds, resolve } of this.waiting) if (holds()) resolve();
  }
}

describe.each(['posix', 'sysv'] as const)('%s', (api) => {
  /** Two ports, and a way to make links between them. */
  async function twoPorts(): Promise<{ port: Port; link(): Promise<[near: End, far: End]> }> {
    const directory = mkdtempSync(join(tmpdir(), 'pigeonhole-mqueue-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const accepted: ((link: Link) => LinkHandler)[] = [];
    const all: End[] = [];
    const open = async (name: string, incarnation: string): Promise<Port> => {
      const port = await mqueue({ api }).open({
        namespace: `link-${directory.slice(-6)}`,
        self: { name, incarnation },
        path: (suffix) => join(directory, `${incarnation}.${suffix}`),
        staging: (path) => `${path}.new`,
        accept: (link) => (accepted.shift() as (link: Link) => LinkHandler)(link),
        warn: (error) => expect.unreachable(error.message),
      });
      onTestFinished(async () => {
        for (const { link } of all) link.destroy(); // a queue goes when no link needs it
        await port.close();
      });
      return port;
    };
    const [near, far] = [await open('near', '0'.repeat(16)), await open('far', '1'.repeat(16))];
    const link = async (): Promise<[End, End]> => {
      const ends: [End, End] = [new End(), new End()];
      const arrived = new Promise<void>((resolve) => {
        accepted.push((other) => {
          ends[1].link = other;
          resolve();
          return ends[1];
        });
      });
      ends[0].link = await near.connect(far.address, ends[0]);
      await arrived;
      all.push(...ends);
      return ends;
    };
    return { port: far, link };
  }

  test('bytes arrive in order in both directions, and no handler is called from within write', async () => {
    const { link } = await twoPorts();
    const [near, far] = await link();
    for (let i = 0; i < 1000; i++) {
      near.write(`near ${i};`);
      far.write(`far ${i};`);
    }
    const expected = (name: string): string =>
      Array.from({ length: 1000 }, (_, i) => `${name} ${i};`).join('');
    await far.until(() => far.bytes.length >= expected('near').length);
    await near.until(() => near.bytes.length >= expected('far').length);
    expect(far.bytes.toString()).toBe(expected('near'));
    expect(near.bytes.toString()).toBe(expected('far'));
    expect([near.reentered, far.reentered]).toEqual([false, false]);
  });

  test('write answers false when it would rather wait, drain follows, and nothing is lost meanwhile', async () => {
    const { link } = await twoPorts();
    const [near, far] = await link();
    const block = Buffer.alloc(64 * 1024, 7);
    let written = 0;
    let more = true;
    for (; more && written < 2 ** 26; written += block.length) more = near.call((end) => end.write(block));
    expect(more, 'write has asked to wait within 64 MiB').toBe(false);
    await near.until(() => near.log.includes('drain'));
    near.write('end');
    await far.until(() => far.bytes.length >= written + 3);
    expect(far.bytes.length).toBe(written + 3);
    expect(near.reentered).toBe(false);
  });

  test('close lets what is written leave; each side ends once, after all data', async () => {
    const { link } = await twoPorts();
    const [near, far] = await link();
    near.write('the last words');
    near.call((end) => end.close());
    near.call((end) => end.close());
    await Promise.all([near.untilOver(), far.untilOver()]);
    expect(far.bytes.toString()).toBe('the last words');
    near.call((end) => end.destroy());
    far.call((end) => end.close());
    // Another link's whole life: what the first had still to report has come by then.
    const [next, other] = await link();
    next.call((end) => end.close());
    await Promise.all([next.untilOver(), other.untilOver()]);
    for (const { log, reentered } of [near, far]) {
      expect(log.filter((what) => what === 'end')).toHaveLength(1);
      expect(log.at(-1)).toBe('end');
      expect(reentered).toBe(false);
    }
  });

  test('destroy ends both sides at once', async () => {
    const { link } = await twoPorts();
    const [near, far] = await link();
    far.write('on its way');
    near.call((end) => end.destroy(new Error('enough')));
    await Promise.all([near.untilOver(), far.untilOver()]);
    expect(near.log.at(-1)).toBe('end');
    expect(far.log.at(-1)).toBe('end');
  });

  test('a closed port refuses with ERR_PEER_DOWN and leaves open links alone', async () => {
    const { port, link } = await twoPorts();
    const [near, far] = await link();
    await port.close();
    await expect(link()).rejects.toMatchObject({ code: 'ERR_PEER_DOWN' });
    near.write('still here');
    await far.until(() => far.bytes.length >= 10);
    expect(far.bytes.toString()).toBe('still here');
  });
});
