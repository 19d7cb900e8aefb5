/** Which configuration is refused, and where it listens. */
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createRuntime, mailbox } from '@pigeonhole/core';
import tcp from '@pigeonhole/transport-tcp';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import { joined, published, scratch, settings } from './scene.js';

test.each([
  [{ port: 1 }, /no option 'port'; it has: listen, tls, insecure, peers, silence/],
  [{ listen: 7000 }, /option listen .* is 7000; it must be: string/],
  [{ listen: '127.0.0.1' }, /host:port/],
  [{ listen: '127.0.0.1:65536' }, /0 to 65535/],
  [{ listen: '::1:7000' }, /\[::1\]:7000/],
  [{ listen: '[127.0.0.1]:7000' }, /host:port/],
  [{ listen: ':7000' }, /host:port/],
  [{ peers: { b: '10.0.0.2' } }, /option peers\.b .*host:port/],
  [{ peers: { b: '10.0.0.2:0' } }, /option peers\.b .*name one/],
  [{ silence: 99 }, /option silence .* is 99; it must be 100 to/],
  [{ silence: Number.NaN }, /option silence .*NaN/],
  [{ insecure: 'yes' }, /option insecure .* 'yes'|"yes"/],
  [{ tls: { key: 'k', cert: 'c' } }, /has no 'ca'/],
  [{ tls: { key: 'k', cert: 'c', ca: 'a', pfx: 'p' } }, /unknown 'pfx'.*key, cert, ca/],
  [{ tls: null }, /option tls .* null/],
])('%o is ERR_CONFIG', (options, message) => {
  expect(() => tcp(options as never)).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringMatching(message) }),
  );
});

test.each(['0.0.0.0:0', '[::]:0', '192.0.2.1:0'])(
  'listening on %s needs tls or insecure, and says why',
  async (listen) => {
    const refused = createRuntime(settings(scratch(), 'a', { use: 'tcp', listen }));
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CONFIG', transport: 'tcp' });
    await expect(refused).rejects.toThrow(/other hosts may reach.*tls: .*insecure: true/);
  },
);

test('a name counts as what it resolves to; one that resolves to nothing is ERR_CONFIG', async () => {
  const directory = scratch();
  await joined(directory, 'a', { use: 'tcp', listen: 'localhost:0' });
  expect(published(directory, 'a').ports.tcp).toMatch(/^(127\.0\.0\.1|\[::1\]):\d+$/);
  const refused = createRuntime(settings(directory, 'b', { use: 'tcp', listen: 'nowhere.invalid:0' }));
  await expect(refused).rejects.toMatchObject({ code: 'ERR_CONFIG' });
  await expect(refused).rejects.toThrow(/nowhere\.invalid/);
});

test('with insecure it listens beyond this host, and is reached from it', async () => {
  const directory = scratch();
  const a = await joined(directory, 'a', { use: 'tcp', listen: '0.0.0.0:0', insecure: true });
  expect(published(directory, 'a').ports.tcp).toMatch(/^127\.0\.0\.1:\d+$/);
  const b = await joined(directory, 'b');
  const receiver = await a.receiver(mailbox('m'));
  await b.send(mailbox('m'), 'over');
  expect((await receiver.receive()).body).toBe('over');
});

test.runIf(
  Object.values(networkInterfaces())
    .flat()
    .some((each) => each?.address === '::1'),
)('IPv6 works', async () => {
  const directory = scratch();
  const a = await joined(directory, 'a', { use: 'tcp', listen: '[::1]:0' });
  const b = await joined(directory, 'b', { use: 'tcp', listen: '[::1]:0' });
  expect(published(directory, 'a').ports.tcp).toMatch(/^\[::1\]:\d+$/);
  const receiver = await a.receiver(mailbox('m'));
  await b.send(mailbox('m'), 6);
  expect((await receiver.receive()).body).toBe(6);
});

test('a port that is taken is ERR_IN_USE and leaves nothing behind', async () => {
  const directory = scratch();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const listen = `127.0.0.1:${(server.address() as { port: number }).port}`;
  const refused = createRuntime(settings(directory, 'a', { use: 'tcp', listen }));
  await expect(refused).rejects.toMatchObject({ code: 'ERR_IN_USE', transport: 'tcp' });
  await expect(refused).rejects.toThrow(new RegExp(`${listen}.*a port of its own`));
  await joined(directory, 'a');
});

test('whoever names peers must say where it listens, in listen or in peers', async () => {
  const directory = scratch();
  const refused = createRuntime(settings(directory, 'a', { use: 'tcp', peers: { b: '127.0.0.1:9' } }));
  await expect(refused).rejects.toMatchObject({ code: 'ERR_CONFIG' });
  await expect(refused).rejects.toThrow(/where process 'a' listens: give listen, or peers\.a/);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  await joined(directory, 'a', { use: 'tcp', peers: { a: `127.0.0.1:${port}`, b: '127.0.0.1:9' } });
  expect(published(directory, 'a').ports.tcp).toBe(`127.0.0.1:${port}`);
});

test('processes of one host may name each other in peers: they are known once, by the directory', async () => {
  const directory = scratch();
  const ports = await Promise.all(
    [1, 2].map(async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      await new Promise((resolve) => server.close(resolve));
      return port;
    }),
  );
  const peers = { a: `127.0.0.1:${ports[0]}`, b: `127.0.0.1:${ports[1]}` };
  const [a, b] = await Promise.all(['a', 'b'].map((name) => joined(directory, name, { use: 'tcp', peers })));
  await until(() => a?.peers().length === 1 && b?.peers().length === 1, 'both to know each other');
  const receiver = await a?.receiver(mailbox('m'));
  await b?.send(mailbox('m'), 1);
  expect((await receiver?.receive())?.body).toBe(1);
  expect(a?.peers().map(({ name }) => name)).toEqual(['b']);
  await b?.close();
  await until(() => a?.peers().length === 0, 'b to have gone');
});
