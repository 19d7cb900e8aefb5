/** Mailboxes that are queues of the kernel's: who outlives whom, what the kernel's own priorities and types do, C programs, limits. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createRuntime, mailbox } from '@pigeonhole/core';
import { kernelQueue } from '@pigeonhole/core/transport';
import { PosixQueue, SysvQueue } from '@pigeonhole/native';
import { describe, expect, onTestFinished, test } from 'vitest';
import mqueue from '../dist/index.js';
import { messagesIn } from './discard.js';
import { NAMESPACE, peerScript, runtimeIn, scratch } from './scene.js';

const sysctl = (name: string): number => Number(readFileSync(`/proc/sys/${name}`, 'utf8'));

describe.each(['posix', 'sysv'] as const)('%s', (api) => {
  const kernel = { api, queue: 'kernel' } as const;

  test('messages outlive every process: the sender ends, the receiver starts later', async () => {
    const directory = scratch();
    const namespace = join(directory, NAMESPACE);
    const args = [peerScript, JSON.stringify(kernel), directory, NAMESPACE, 'sender'];
    await promisify(execFile)(process.execPath, args);
    expect(messagesIn(namespace, 'kept')).toBe(3);
    expect(readdirSync(namespace)).toEqual(['kept~queue']);
    const runtime = await runtimeIn(directory, kernel);
    const receiver = await runtime.receiver(mailbox<{ n: number }>('kept'));
    expect(runtime.explain(mailbox('kept')).capacity).toBe(4);
    for (const n of [0, 1, 2]) {
      const { body, from } = await receiver.receive();
      expect([body, from]).toEqual([{ n }, 'sender']);
    }
    await runtime.close();
    expect(messagesIn(namespace, 'kept')).toBe(null);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('a mailbox that a killed process left empty is removed by the next that joins', async () => {
    const directory = scratch();
    const script = `
      import { createRuntime, mailbox } from '@pigeonhole/core';
      const transport = { use: 'mqueue', ...${JSON.stringify(kernel)} };
      const runtime = await createRuntime({ name: 'doomed', directory: '${directory}', namespace: '${NAMESPACE}', transport, logger: false, config: false });
      await runtime.receiver(mailbox('left', { capacity: 2 }));
      process.kill(process.pid, 'SIGKILL');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    expect(messagesIn(join(directory, NAMESPACE), 'left')).toBe(0);
    const runtime = await runtimeIn(directory, kernel);
    expect(messagesIn(join(directory, NAMESPACE), 'left')).toBe(null);
    await runtime.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('a C program reads and writes the same queues', async () => {
    const directory = scratch();
    const client = join(directory, 'client');
    const source = fileURLToPath(new URL('client.c', import.meta.url));
    execFileSync('cc', ['-Wall', '-Werror', '-o', client, source, '-lrt']);
    const runtime = await runtimeIn(directory, {
      ...kernel,
      ...(api === 'sysv' ? {} : { messageBytes: 1024 }),
    });
    const ordering = api === 'posix' ? ({ ordering: 'priority' } as const) : {};
    const toC = mailbox<Uint8Array>('to-c', { capacity: 4, codec: 'raw', ...ordering });
    const fromC = mailbox<Buffer>('from-c', { capacity: 4, codec: 'raw', ...ordering });
    const receiver = await runtime.receiver(fromC);
    await runtime.send(toC, Buffer.from('second'), { type: 1, priority: 1 });
    await runtime.send(toC, Buffer.from('first'), { type: 2, priority: 2 });
    const address = (of: typeof toC): string => {
      const { details } = runtime.explain(of);
      return details[api === 'posix' ? 'name' : 'key'] as string;
    };
    await promisify(execFile)(client, [api, address(toC), address(fromC)]);
    const got = [await receiver.receive(), await receiver.receive()];
    const seen = got.map(({ body, from, type, priority }) => [body.toString(), from, type, priority]);
    if (api === 'posix')
      expect(seen).toEqual([
        ['FIRST', '', undefined, 2],
        ['SECOND', '', undefined, 1],
      ]);
    else
      expect(seen).toEqual([
        ['SECOND', '', 11, 0],
        ['FIRST', '', 12, 0],
      ]);
  });

  test('a queue of somebody else’s, by its name or key, is used as it is and never removed', async () => {
    const directory = scratch();
    const { name, key } = kernelQueue(directory, 'theirs');
    const theirs =
      api === 'posix'
        ? new PosixQueue(name, { create: { maxMessages: 2, messageBytes: 256 } })
        : new SysvQueue(SysvQueue.open(key, { create: true }));
    onTestFinished(() => {
      theirs.close();
      if (theirs instanceof SysvQueue) theirs.remove();
      else PosixQueue.unlink(name);
    });
    const runtime = await runtimeIn(directory, {
      ...kernel,
      queues: { orders: api === 'posix' ? name : key },
    });
    await runtime.send(mailbox('orders', { codec: 'raw' }), Buffer.from('hello'));
    const text = Buffer.alloc(1024);
    const count = theirs.receive(text);
    expect(text.toString('latin1', api === 'posix' ? 0 : 8).slice(0, count)).toBe('hello');
    if (api === 'posix') expect(runtime.explain(mailbox('orders')).capacity).toBe(2);
    await runtime.close();
    expect(theirs.receive(text)).toBe(-1); // it is still there
    if (api === 'sysv') expect((theirs as SysvQueue).status().messages).toBe(0);
    else new PosixQueue(name).close();
  });

  test('what is no message is dropped with a warning, and the next is received', async () => {
    const directory = scratch();
    const runtime = await runtimeIn(directory, kernel);
    const warnings: unknown[] = [];
    runtime.on('warning', (warning) => warnings.push(warning));
    const box = mailbox('box', { capacity: 6 });
    const receiver = await runtime.receiver(box);
    const { name, key } = kernelQueue(join(directory, NAMESPACE), 'box');
    const magic = Buffer.from([0x89, 0x50, 0x47, 0x4b, 0x51, 0x01, 0x0d, 0x0a]);
    const lying = Buffer.concat([magic, Buffer.alloc(40, 0xff)]);
    // A header that is right, before a body that is no msgpack: an array of 2^32 - 1 elements in five bytes.
    const hostile = Buffer.concat([magic, Buffer.alloc(24), Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])]);
    hostile.writeUInt32LE(5, 24);
    const other = api === 'posix' ? new PosixQueue(name) : new SysvQueue(SysvQueue.open(key));
    for (const message of [magic, lying, hostile])
      if (other instanceof PosixQueue) other.send(message);
      else other.send(1, message);
    other.close();
    await runtime.send(box, 'fine');
    expect((await receiver.receive()).body).toBe('fine');
    expect(warnings).toHaveLength(3);
    for (const warning of warnings) expect(warning).toMatchObject({ code: 'ERR_CORRUPT' });
  });

  test('beyond a limit it is ERR_OS_LIMIT with the sysctl, what it is, and what it would have to be', async () => {
    const directory = scratch();
    const runtime = await runtimeIn(directory, kernel);
    const size = api === 'posix' ? 'fs.mqueue.msgsize_max' : 'kernel.msgmax';
    const present = sysctl(size.replaceAll('.', '/'));
    const large = new Uint8Array(present + 1);
    await expect(runtime.send(mailbox('a', { capacity: 1, codec: 'raw' }), large)).rejects.toMatchObject({
      code: 'ERR_OS_LIMIT',
      message: expect.stringMatching(
        new RegExp(
          `${size} to be ${present + 1}, and it is ${present}: raise it .*${api === 'posix' ? 'option messageBytes: \\d+' : ''}, or`,
        ),
      ),
    });
    const many = 2 ** 24;
    await expect(runtime.send(mailbox('b', { capacity: many }), 1)).rejects.toMatchObject({
      code: 'ERR_OS_LIMIT',
      message: expect.stringMatching(
        api === 'posix' ? `msg_max to be ${many}, and it is` : `msgmnb to be ${many * 256}, and it is`,
      ),
    });
  });
});

test('where RLIMIT_MSGQUEUE is spent, that is what the error names', async () => {
  const directory = scratch();
  const script = `
    import { createRuntime, mailbox } from '@pigeonhole/core';
    const transport = { use: 'mqueue', queue: 'kernel' };
    const options = { directory: '${directory}', namespace: '${NAMESPACE}', logger: false, config: false };
    const runtime = await createRuntime({ ...options, name: 'a', transport });
    const refused = await runtime.sender(mailbox('a', { capacity: 10 })).then(() => 'no error', (error) => error.code + ' ' + error.message);
    await runtime.close();
    const hosted = await createRuntime({ ...options, name: 'b', transport: 'mqueue' }).then(() => 'no error', (error) => error.code + ' ' + error.message);
    console.log(JSON.stringify([refused, hosted]));`;
  const { stdout } = await promisify(execFile)(
    'sh',
    ['-c', 'ulimit -q 4000 && exec "$0" --input-type=module -e "$1"', process.execPath, script],
    { cwd: fileURLToPath(new URL('.', import.meta.url)) },
  ).catch(async (error: Error & { stderr: string }) => {
    // sh has no ulimit -q: prlimit has.
    if (!/ulimit/.test(error.stderr)) throw error;
    return promisify(execFile)(
      'prlimit',
      ['--msgqueue=4000', process.execPath, '--input-type=module', '-e', script],
      { cwd: fileURLToPath(new URL('.', import.meta.url)) },
    );
  });
  const [refused, hosted] = JSON.parse(stdout) as [string, string];
  expect(refused).toMatch(/^ERR_OS_LIMIT .*82880 bytes of RLIMIT_MSGQUEUE, which is 4000 /);
  expect(hosted).toMatch(/^ERR_OS_LIMIT .*RLIMIT_MSGQUEUE, which is 4000 /);
});

test.each([
  [{ api: 'pipes' }, "it must be: 'posix' or 'sysv'"],
  [{ queue: 'both' }, "it must be: 'hosted' or 'kernel'"],
  [{ messageBytes: 1024 }, "with queue: 'kernel'"],
  [{ queue: 'kernel', messageBytes: 0 }, 'an integer from 256'],
  [{ queue: 'kernel', queues: { a: 'no slash' } }, "'/name'"],
  [{ queue: 'kernel', api: 'sysv', queues: { a: '/name' } }, 'keys'],
  [{ size: 1 }, "no option 'size'"],
])('%j is ERR_CONFIG', async (options, words) => {
  expect(() => mqueue(options as never)).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringContaining(words) }),
  );
});

test('one process uses hosted mailboxes and kernel queues beside each other', async () => {
  const directory = scratch();
  const runtime = await createRuntime({
    ...{ name: 'both', directory, namespace: NAMESPACE, transport: 'mqueue', logger: false, config: false },
    mailboxes: { kept: { transport: { use: 'mqueue', queue: 'kernel' } } },
  });
  onTestFinished(async () => void (await runtime.close({ deadline: 0 })));
  expect(runtime.explain(mailbox('kept')).transport).toBe('mqueue-kernel');
  expect(runtime.explain(mailbox('kept')).capabilities.durable).toBe(true);
  expect(runtime.explain(mailbox('other')).transport).toBe('mqueue');
  for (const name of ['kept', 'other']) {
    const receiver = await runtime.receiver(mailbox(name, { capacity: 2 }));
    await runtime.send(mailbox(name), name);
    expect((await receiver.receive()).body).toBe(name);
  }
});
