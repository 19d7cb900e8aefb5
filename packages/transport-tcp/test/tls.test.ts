/** Mutual TLS: who gets in, and who does not. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createRuntime, mailbox, type PigeonholeError } from '@pigeonhole/core';
import { expect, test } from 'vitest';
import { PeerProcess } from '../../core/test/peers/peer-process.js';
import { until, within } from '../../core/test/peers/watch.js';
import { Authority, asText, type Credentials } from './certificates.js';
import { joined, nextWarning, published, scratch, settings } from './scene.js';

const over = (tls: Credentials): object => ({ use: 'tcp', tls });

function portOf(directory: string, name: string): { host: string; port: number } {
  const [, host = '', port] = /^tls:\/\/(.*):(\d+)$/.exec(published(directory, name).ports.tcp) ?? [];
  return { host, port: Number(port) };
}

test('processes that one authority knows exchange messages, nothing of which can be read on the way', async () => {
  const directory = scratch();
  const authority = new Authority(directory);
  const a = await joined(directory, 'a', over(authority.issue('a')));
  const b = await PeerProcess.start(settings(directory, 'b', over(asText(authority.issue('b')))));
  const receiver = await a.receiver(mailbox('m'));
  await b.call('sender', 'm');
  await b.call('send', 'm', 'x'.repeat(1_000_000));
  expect((await receiver.receive()).body).toBe('x'.repeat(1_000_000));
  await a.sender(mailbox('m')).then((sender) => sender.send('back'));
  await b.leave();
});

/** What became of a connection to `a`, and the warning that it raised there. */
async function intrude(
  dial: (to: { host: string; port: number }, authority: Authority, directory: string) => Socket,
): Promise<{ answer: string; warning: PigeonholeError }> {
  const directory = scratch();
  const authority = new Authority(directory);
  const a = await joined(directory, 'a', over(authority.issue('a')));
  const warned = nextWarning(a);
  const socket = dial(portOf(directory, 'a'), authority, directory);
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  await within(new Promise((resolve) => socket.once('close', resolve)), 'the connection to be closed');
  const warning = await within(warned, 'a warning');
  // Whoever is known still gets in.
  const b = await joined(directory, 'b', over(authority.issue('b')));
  const receiver = await a.receiver(mailbox('m'));
  await b.send(mailbox('m'), 1);
  expect((await receiver.receive()).body).toBe(1);
  return { answer, warning };
}

test('a client without a certificate is refused', async () => {
  const { answer, warning } = await intrude((to, authority) => {
    const { ca } = asText(authority.issue('stranger'));
    return connectTls({ ...to, ca });
  });
  expect(answer).toBe('');
  expect(warning).toMatchObject({ code: 'ERR_PERMISSION', transport: 'tcp' });
  expect(warning.message).toMatch(/127\.0\.0\.1 was refused by TLS/);
});

test('a client with a certificate of another authority is refused', async () => {
  const { answer, warning } = await intrude((to, authority, directory) => {
    const { ca } = asText(authority.issue('stranger'));
    return connectTls({ ...to, ...asText(new Authority(directory, 'other').issue('impostor')), ca });
  });
  expect(answer).toBe('');
  expect(warning.code).toBe('ERR_PERMISSION');
});

test('what is not TLS at all is refused', async () => {
  const { warning } = await intrude(({ host, port }) => {
    const socket = connect(port, host);
    socket.write('no hello of any kind');
    return socket;
  });
  expect(warning.code).toBe('ERR_PERMISSION');
});

test('a port whose certificate is of another authority, or for another address, is not spoken to', async () => {
  for (const foreign of [
    (directory: string) => new Authority(directory, 'other').issue('b'),
    (directory: string, authority: Authority) =>
      authority.issue('b', `IP:192.0.2.7,DNS:${directory.length}.example`),
  ]) {
    const directory = scratch();
    const authority = new Authority(directory);
    const a = await joined(directory, 'a', over(authority.issue('a')));
    const b = await joined(directory, 'b', over(foreign(directory, authority)));
    await b.receiver(mailbox('m'));
    const refused = a.send(mailbox('m'), 1);
    await expect(refused).rejects.toMatchObject({ code: 'ERR_TRANSPORT', transport: 'tcp' });
  }
});

test('one side with TLS and one without is an error that says so, on both', async () => {
  const directory = scratch();
  const a = await joined(directory, 'a', over(new Authority(directory).issue('a')));
  const b = await joined(directory, 'b');
  await a.receiver(mailbox('at-a'));
  await b.receiver(mailbox('at-b'));
  await expect(b.send(mailbox('at-a'), 1)).rejects.toThrow(
    /is protected by TLS, and this process has no option tls/,
  );
  await expect(a.send(mailbox('at-b'), 1)).rejects.toThrow(
    /is not protected by TLS, and this process has the option tls/,
  );
});

test('credentials that cannot be used are ERR_CONFIG', async () => {
  const directory = scratch();
  const authority = new Authority(directory);
  const [good, other] = [authority.issue('good'), authority.issue('other')];
  const cases: [Credentials, RegExp][] = [
    [{ ...good, key: '/nowhere/key.pem' }, /tls\.key .*\/nowhere\/key\.pem/],
    [{ ...good, cert: import.meta.filename ?? 'package.json' }, /tls\.cert .*no PEM text/],
    [{ ...good, key: other.key }, /tls .*private key of cert/],
  ];
  for (const [tls, message] of cases) {
    const refused = createRuntime(settings(directory, 'a', over(tls)));
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CONFIG', transport: 'tcp' });
    await expect(refused).rejects.toThrow(message);
  }
});

test('strangers who do not shake hands are bounded, and keep nobody out', async () => {
  const directory = scratch();
  const authority = new Authority(directory);
  const a = await joined(directory, 'a', over(authority.issue('a')));
  const { host, port } = portOf(directory, 'a');
  const strangers = Array.from({ length: 300 }, () => connect(port, host).on('error', () => {}));
  let closed = 0;
  for (const stranger of strangers) stranger.on('close', () => closed++).resume();
  try {
    await until(() => closed >= 44, 'the oldest of them to be turned away');
    const b = await joined(directory, 'b', over(authority.issue('b')));
    const receiver = await a.receiver(mailbox('m'));
    await b.send(mailbox('m'), 1);
    expect((await receiver.receive()).body).toBe(1);
  } finally {
    for (const stranger of strangers) stranger.destroy();
  }
});
