/** The mechanism: one datagram socket a process, as the kernel shows it. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createRuntime, mailbox, type Runtime } from '@pigeonhole/core';
import { DatagramSender } from '@pigeonhole/native';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import { socketOf } from './dgram-attack.js';
import { NAMESPACE, scratch } from './scene.js';

const script = fileURLToPath(new URL('dgram-peer.mjs', import.meta.url));
const transport = { use: 'uds', socket: 'dgram' } as const;

async function runtimeIn(directory: string, options: object = {}): Promise<Runtime> {
  const runtime = await createRuntime({
    ...{ name: 'own', directory, namespace: NAMESPACE, transport, logger: false, config: false },
    ...options,
  });
  onTestFinished(async () => void (await runtime.close({ deadline: 0 })));
  return runtime;
}

async function peerIn(directory: string, name: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script, directory, NAMESPACE, name], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  await once(child, 'message');
  return child;
}

const ownSocket = (directory: string): string => socketOf({ directory, namespace: NAMESPACE, name: 'own' });

test('the socket is for this user only, and goes with its process', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  const status = lstatSync(ownSocket(directory));
  expect(status.isSocket()).toBe(true);
  expect(status.mode & 0o777).toBe(0o600);
  expect(runtime.explain(mailbox('m'))).toMatchObject({
    transport: 'uds-dgram',
    details: {
      socket: 'dgram',
      peers: `their user is checked (SCM_CREDENTIALS): user ${process.geteuid?.()}`,
    },
  });
  await runtime.close();
  expect(readdirSync(directory)).toEqual([]);
});

test('a killed process leaves its socket; whoever notices the death removes it', async () => {
  const directory = scratch();
  const peer = await peerIn(directory, 'alone');
  const path = socketOf({ directory, namespace: NAMESPACE, name: 'alone' });
  const gone = once(peer, 'exit');
  peer.kill('SIGKILL');
  await gone;
  expect(lstatSync(path).isSocket()).toBe(true);
  await runtimeIn(directory);
  await until(() => !existsSync(path), 'the file to go');
});

test('large bodies of several writers are put together right', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  const names = ['a', 'b', 'c'];
  await Promise.all(names.map((name) => peerIn(directory, name)));
  const receiver = await runtime.receiver(mailbox<{ by: string; n: number; bytes: Uint8Array }>('sink'));
  await Promise.all(
    names.map((name) => runtime.send(mailbox(`flood-${name}`), { count: 20, bytes: 700_000 })),
  );
  const next = new Map(names.map((name) => [name, 0]));
  for (let i = 0; i < 60; i++) {
    const { body, from } = await receiver.receive();
    expect([body.by, body.n]).toEqual([from, next.get(from)]);
    next.set(from, body.n + 1);
    expect(body.bytes.length).toBe(700_000);
    expect(body.bytes.every((byte) => byte === from.charCodeAt(0))).toBe(true);
  }
});

/** How often this thread's event loop has turned. */
const turns = (): number =>
  (performance as unknown as { nodeTiming: { uvMetricsInfo: { loopCount: number } } }).nodeTiming
    .uvMetricsInfo.loopCount;

test('a stopped process makes its writers wait asleep, and holds up nobody else', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  const [stopped] = [await peerIn(directory, 's'), await peerIn(directory, 'g')];
  await runtime.send(mailbox('drain-s'), 'there'); // the link is open
  stopped.kill('SIGSTOP');
  const sends = Array.from({ length: 8 }, () => runtime.send(mailbox('drain-s'), new Uint8Array(200_000)));
  for (let i = 0; i < 50; i++) await runtime.send(mailbox('drain-g'), new Uint8Array(100_000));
  const before = turns();
  for (let timer = 0; timer < 10; timer++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(turns() - before).toBeLessThan(20_000); // a loop that asked again and again would turn more often
  stopped.kill('SIGCONT');
  await Promise.all(sends);
});

test('a process that is killed while it has answered nobody yet does not leave its callers waiting', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  const met = new Promise((resolve) => runtime.once('peer:up', resolve)); // who never knew of it is not told of its death
  const peer = await peerIn(directory, 'p');
  await met;
  peer.kill('SIGSTOP');
  const path = socketOf({ directory, namespace: NAMESPACE, name: 'p' });
  const events: string[] = [];
  runtime.on('peer:down', ({ name }) => void events.push(name));
  const sent = runtime.send(mailbox('drain-p'), 1);
  const gone = once(peer, 'exit');
  peer.kill('SIGKILL');
  await gone;
  await until(() => events.includes('p') && !existsSync(path), 'the death to be known');
  await peerIn(directory, 'p');
  await sent; // it finds the successor
});

test('strangers: what is no frame is dropped, and the operator is told once', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  await peerIn(directory, 'p');
  const warnings: string[] = [];
  runtime.on('warning', (warning) => void warnings.push((warning as Error).message));
  const receiver = await runtime.receiver(mailbox<{ n: number }>('sink'));
  const stranger = new DatagramSender(ownSocket(directory));
  await runtime.send(mailbox('flood-p'), { count: 100, bytes: 3000 });
  const nonsense = [
    '',
    'x',
    'PGUD',
    'PGUD\x09\0\0\0xxxxxxxx',
    'PGUD\x02\0\0\0strange!',
    'PGUD\x01\0\0\0xxxxxxxx/etc/x',
  ];
  for (let i = 0; i < 100; i++) {
    expect((await receiver.receive()).body.n).toBe(i);
    stranger.send(Buffer.from(nonsense[i % nonsense.length] as string, 'latin1'));
    if (i % 10 === 0) stranger.send(Buffer.from('PGUD'), new Uint8Array(100_000));
  }
  stranger.close();
  expect(warnings).toEqual([
    expect.stringMatching(new RegExp(`^process ${process.pid} sent .* to .*: they are dropped`)),
  ]);
});

// Only root can become another user to try.
test.runIf(process.geteuid?.() === 0)('another user is refused, and named', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  const warnings: Error[] = [];
  runtime.on('warning', (warning) => void warnings.push(warning as Error));
  for (const path of [directory, join(directory, NAMESPACE)]) chmodSync(path, 0o711);
  chmodSync(ownSocket(directory), 0o666);
  const program = `
    import socket, sys
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'PGUD', sys.argv[1])`;
  const code = program.replaceAll('\n    ', '\n').trim();
  await promisify(execFile)('python3', ['-c', code, ownSocket(directory)], { uid: 65534, gid: 65534 });
  await until(() => warnings.length > 0, 'the refusal');
  expect(warnings[0]).toMatchObject({ code: 'ERR_PERMISSION' });
  expect(warnings[0]?.message).toMatch(
    /^refused process \d+ of user 65534, group 65534 at .*: allowed are user 0/,
  );
});

test('descriptors grow with processes, not with mailboxes', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  const peer = await peerIn(directory, 'p');
  const open = (pid: number | undefined): number => readdirSync(`/proc/${pid}/fd`).length;
  await runtime.send(mailbox('drain-p'), 1);
  const before = [open(process.pid), open(peer.pid)];
  await runtime.send(mailbox('host'), 1000);
  await Promise.all(Array.from({ length: 1000 }, (_, n) => runtime.send(mailbox(`hosted-${n}`), n)));
  const after = [open(process.pid), open(peer.pid)];
  for (const [at, count] of after.entries()) expect(count).toBeLessThanOrEqual(before[at] as number);
});

test('a process on the other kind of socket is no silent half', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  await runtime.receiver(mailbox('m'));
  const other = await runtimeIn(directory, { name: 'other', transport: 'uds' });
  await expect(other.send(mailbox('m'), 1)).rejects.toMatchObject({
    code: 'ERR_TRANSPORT',
    message: expect.stringMatching(/hosted over transport 'uds-dgram' by process 'own'; .* 'uds'/),
  });
});

test('without native code it says so at once', async () => {
  const program = `
    import { createRuntime } from '@pigeonhole/core';
    const transport = { use: 'uds', socket: 'dgram' };
    await createRuntime({ name: 'a', directory: ${JSON.stringify(scratch())}, transport, logger: false, config: false }).catch(
      ({ code, message }) => console.log(code, message));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, PIGEONHOLE_NATIVE: 'off' },
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  expect(stdout).toMatch(
    /^ERR_NATIVE_UNAVAILABLE socket: 'dgram' of transport 'uds' cannot be had: .*without that option/,
  );
});

const traceable = spawnSync('strace', ['-f', '-e', 'trace=none', 'true']).status === 0;

test.runIf(traceable)('the kernel sees datagram sockets, and whole frames sent to them', async () => {
  const directory = scratch();
  const log = join(directory, 'log');
  await promisify(execFile)('strace', [
    ...[
      '-f',
      '-qq',
      '-yy',
      '-e',
      'trace=socket,bind,connect,sendmsg,recvmmsg',
      '-e',
      'signal=none',
      '-s',
      '16',
      '-o',
      log,
    ],
    ...['--', process.execPath, script, join(directory, 'run'), NAMESPACE, 'self-test'],
  ]);
  const lines = readFileSync(log, 'utf8').split('\n');
  const count = (what: RegExp): number => lines.filter((line) => what.test(line)).length;
  expect(count(/bind\(\d+<UNIX[^ ]*, .*\.dgram"/)).toBe(2);
  expect(count(/socket\(AF_UNIX, SOCK_DGRAM\|SOCK_CLOEXEC\|SOCK_NONBLOCK/)).toBeGreaterThan(2);
  const sizes = lines.flatMap((line) => Number(/sendmsg\(\d+<UNIX.*"PGUD.*= (\d+)$/.exec(line)?.[1] ?? []));
  expect(sizes.length).toBeGreaterThan(20);
  expect(Math.max(...sizes)).toBe(65_536);
  expect(count(/recvmmsg\(\d+<UNIX.*SCM_CREDENTIALS/)).toBeGreaterThan(0);
});
