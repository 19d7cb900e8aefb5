// R3 on the wire: a process that says in its frames that it is another is not believed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anyPeer, createRuntime, peer } from '@pigeonhole/core';
import type { Link, LinkTransport } from '@pigeonhole/core/transport';
import uds from '@pigeonhole/transport-uds';
import { expect, test } from 'vitest';

/** uds, but whatever leaves says `name` where it said `own`. Both have the same length, so every frame stays well formed. */
function forging(own: string, name: string): LinkTransport {
  const sound = uds();
  const forge = (link: Link): Link =>
    new Proxy(link, {
      get(target, key) {
        if (key === 'write')
          return (batch: Uint8Array) =>
            target.write(Buffer.from(Buffer.from(batch).toString('latin1').replaceAll(own, name), 'latin1'));
        const member: unknown = Reflect.get(target, key);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  return {
    ...sound,
    open: async (context) => {
      const port = await sound.open({ ...context, accept: (link) => context.accept(forge(link)) });
      return new Proxy(port, {
        get(target, key) {
          if (key === 'connect')
            return async (...to: Parameters<typeof port.connect>) => forge(await target.connect(...to));
          const member: unknown = Reflect.get(target, key);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
    },
  };
}

test('R3 a process that claims the name of another in its frames sends nothing under it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pg-'));
  const common = { directory, namespace: 'forged', logger: false } as const;
  const honest = await createRuntime({ ...common, name: 'honest', transport: 'uds' });
  const target = await createRuntime({ ...common, name: 'target', transport: 'uds' });
  const forger = await createRuntime({ ...common, name: 'forger', transport: forging('forger', 'honest') });
  try {
    const warned = new Promise<Error>((resolve) => target.on('warning', resolve));
    const forged = forger.send(peer('target'), 'forged', { timeout: 2000 });
    await expect(forged).rejects.toMatchObject({ name: 'PigeonholeError' });
    expect((await warned).message).toMatch(/honest/);
    await honest.send(peer('target'), 'true');
    expect(await target.receive(anyPeer)).toMatchObject({ body: 'true', from: 'honest' });
    expect(await target.tryReceive(anyPeer)).toBeNull();
  } finally {
    await Promise.all([honest, target, forger].map((runtime) => runtime.close()));
    rmSync(directory, { recursive: true });
  }
});
