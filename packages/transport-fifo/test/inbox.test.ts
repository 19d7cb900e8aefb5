/** The FIFO itself: who may use it, what a death leaves, and what happens while nobody reads. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createRuntime, mailbox, type Runtime } from '@pigeonhole/core';
import { portOf } from '@pigeonhole/core/conformance';
import { FrameKind } from '@pigeonhole/core/transport';
import { expect, onTestFinished, test } from 'vitest';
import { FRAME_HEAD, writeHead } from '../src/frames.js';

const NAMESPACE = 'inbox';
const peerScript = fileURLToPath(new URL('peer.mjs', import.meta.url));

function scratch(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'pf-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function runtimeIn(directory: string, name = 'own'): Promise<Runtime> {
  const runtime = await createRuntime({
    ...{ name, directory, namespace: NAMESPACE, transport: 'fifo', logger: false, config: false },
  });
  onTestFinished(async () => void (await runtime.close({ deadline: 0 })));
  return runtime;
}

/** Another process that echoes what it gets in mailbox 'echo' (`peer.mjs`). */
async function peerIn(directory: string, name: string, env: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
  const child = spawn(process.execPath, [peerScript, directory, NAMESPACE, name], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
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

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const fifosIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.fifo'));

test('the inbox is a FIFO for this user only, and goes with its process', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  const path = portOf({ directory, namespace: NAMESPACE, name: 'own' }, 'fifo');
  expect(lstatSync(path).isFIFO()).toBe(true);
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  await runtime.close();
  expect(existsSync(path)).toBe(false);
});

test('a killed process leaves its FIFO; whoever notices the death removes it', async () => {
  const directory = scratch();
  const peer = await peerIn(directory, 'alone');
  const path = portOf({ directory, namespace: NAMESPACE, name: 'alone' }, 'fifo');
  const gone = once(peer, 'exit');
  peer.kill('SIGKILL');
  await gone;
  expect(lstatSync(path).isFIFO()).toBe(true);
  const runtime = await runtimeIn(directory);
  await until(() => !existsSync(path));
  await runtime.close();
  expect(fifosIn(directory)).toEqual([]);
});

test('large bodies of several writers are put together right', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  const names = ['a', 'b', 'c'];
  await Promise.all(names.map((name) => peerIn(directory, name)));
  const receiver = await runtime.receiver(mailbox<{ by: string; n: number; bytes: Uint8Array }>('sink'));
  await Promise.all(
    names.map((name) => runtime.send(mailbox(`flood-${name}`), { count: 20, bytes: 300_000 })),
  );
  const next = new Map(names.map((name) => [name, 0]));
  for (let i = 0; i < 60; i++) {
    const { body, from } = await receiver.receive();
    expect([body.by, body.n]).toEqual([from, next.get(from)]);
    next.set(from, body.n + 1);
    expect(body.bytes.length).toBe(300_000);
    expect(body.bytes.every((byte) => byte === from.charCodeAt(0))).toBe(true);
  }
});

test('a writer killed in the middle of much hurts no other', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  const doomed = await peerIn(directory, 'd');
  await peerIn(directory, 's');
  const receiver = await runtime.receiver(mailbox<{ by: string; n: number; bytes: Uint8Array }>('sink'));
  for (const name of ['d', 's'])
    await runtime.send(mailbox(`flood-${name}`), { count: 30, bytes: 1_000_000 });
  let survivors = 0;
  for (let killed = false; survivors < 30; ) {
    const { body } = await receiver.receive();
    expect(body.bytes.length).toBe(1_000_000);
    if (body.by === 's') expect(body.n).toBe(survivors++);
    else if (!killed) {
      killed = true;
      doomed.kill('SIGKILL');
    }
  }
});

/** How often this thread's event loop has turned. */
const turns = (): number =>
  (performance as unknown as { nodeTiming: { uvMetricsInfo: { loopCount: number } } }).nodeTiming
    .uvMetricsInfo.loopCount;

test('a full inbox makes writers wait, and the loop sleeps meanwhile', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  const peer = await peerIn(directory, 'p');
  await runtime.send(mailbox('drain'), 'there'); // the link is open
  peer.kill('SIGSTOP');
  await until(() => / T /.test(readFileSync(`/proc/${peer.pid}/stat`, 'utf8')));
  const sends = Array.from({ length: 8 }, () => runtime.send(mailbox('drain'), new Uint8Array(200_000)));
  const before = turns();
  for (let timer = 0; timer < 10; timer++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(turns() - before).toBeLessThan(1000); // a loop that asked again and again would turn a hundred times as often
  peer.kill('SIGCONT');
  await Promise.all(sends);
});

test('nothing blocks the thread pool', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  await peerIn(directory, 'p', { UV_THREADPOOL_SIZE: '1' });
  const receiver = await runtime.receiver(mailbox<string>('read'));
  await runtime.send(mailbox('file'), peerScript); // read through the peer's only thread, while its inbox is open
  expect((await receiver.receive()).body).toBe(readFileSync(peerScript, 'utf8'));
});

test('bytes that are no frames, between those that are, change nothing', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  await peerIn(directory, 'p');
  const warnings: unknown[] = [];
  runtime.on('warning', (warning) => warnings.push(warning));
  const receiver = await runtime.receiver(mailbox<{ n: number }>('sink'));
  const fd = openSync(
    portOf({ directory, namespace: NAMESPACE, name: 'own' }, 'fifo'),
    constants.O_WRONLY | constants.O_NONBLOCK,
  );
  await runtime.send(mailbox('flood-p'), { count: 200, bytes: 3000 });
  for (let i = 0; i < 200; i++) {
    expect((await receiver.receive()).body.n).toBe(i);
    writeSync(fd, ['x', 'PGFI', '\0\0\0\0', 'PGFI\x30\x00\x02\x00'][i % 4] as string);
  }
  expect(warnings).toEqual([]);
});

test('descriptors grow with processes, not with mailboxes', async () => {
  const directory = scratch();
  const runtime = await runtimeIn(directory);
  const peer = await peerIn(directory, 'p');
  const open = (): number[] => [process.pid, peer.pid].map((pid) => readdirSync(`/proc/${pid}/fd`).length);
  await runtime.send(mailbox('echo'), 1);
  const before = open();
  await runtime.send(mailbox('host'), 1000);
  await Promise.all(Array.from({ length: 1000 }, (_, n) => runtime.send(mailbox(`hosted-${n}`), n)));
  for (const [at, count] of open().entries()) expect(count).toBeLessThanOrEqual(before[at] as number);
});

const traceable = spawnSync('strace', ['-f', '-e', 'trace=none', 'true']).status === 0;

test.runIf(traceable)('the kernel sees a FIFO made by mknod, and whole pieces written to it', async () => {
  const directory = scratch();
  const log = join(directory, 'log');
  await promisify(execFile)('strace', [
    ...['-f', '-qq', '-y', '-e', 'trace=mknod,mknodat,writev', '-e', 'signal=none', '-s', '16', '-o', log],
    ...['--', process.execPath, peerScript, join(directory, 'run'), NAMESPACE, 'self-test'],
  ]);
  const lines = readFileSync(log, 'utf8').split('\n');
  const made = lines.filter((line) => /mknod(at)?\(.*\.fifo\.new", S_IFIFO\|0600/.test(line));
  expect(made).toHaveLength(2);
  const sizes = lines.flatMap((line) => Number(/writev\(\d+<[^>]*\.fifo.*= (\d+)$/.exec(line)?.[1] ?? []));
  expect(sizes.length).toBeGreaterThan(10);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(4096);
});

test('who only begins a stream in the name of a peer takes nothing from that peer', async () => {
  const directory = scratch();
  const [own, peer] = [await runtimeIn(directory), await runtimeIn(directory, 'peer')];
  const box = mailbox<number>('m');
  const [receiver, sender] = [await own.receiver(box), await peer.sender(box)];
  await sender.send(1);
  const [inbox, name] = ['own', 'peer'].map((each) =>
    portOf({ directory, namespace: NAMESPACE, name: each }, 'fifo'),
  ) as [string, string];
  const payload = Buffer.from(name);
  const frame = Buffer.alloc(FRAME_HEAD + payload.length);
  writeHead(frame, FrameKind.introduction, 7n, 0, payload.length);
  payload.copy(frame, FRAME_HEAD);
  const fifo = openSync(inbox, constants.O_WRONLY | constants.O_NONBLOCK);
  writeSync(fifo, frame);
  closeSync(fifo);
  await sender.send(2);
  expect([(await receiver.receive()).body, (await receiver.receive()).body]).toEqual([1, 2]);
});
