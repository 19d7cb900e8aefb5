/** Parents, children, siblings, and their deaths. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { createRuntime, mailbox } from '@pigeonhole/core';
import { spawnProcess } from '@pigeonhole/transport-pipe';
import { expect, onTestFinished, test } from 'vitest';
import { Child, scratch, script, until } from './family.js';

const settings = (directory: string, name: string) => ({ directory, namespace: 'family', name });

async function joined(directory: string, name: string): Promise<Child> {
  const child = await Child.start();
  await child.call('join', settings(directory, name));
  return child;
}

async function ownRuntime(directory: string) {
  const runtime = await createRuntime({
    ...settings(directory, 'parent'),
    transport: 'pipe',
    logger: false,
    config: false,
  });
  onTestFinished(async () => void (await runtime.close({ deadline: 0 })));
  return runtime;
}

test('a child’s pipes are pipes, and only its own', async () => {
  const [first, second] = [await Child.start(), await Child.start()];
  const fds = await first.call<string[]>('descriptors');
  expect(fds).toContainEqual(expect.stringMatching(/^4 pipe:\[\d+\]$/));
  expect(fds).toContainEqual(expect.stringMatching(/^5 pipe:\[\d+\]$/));
  // From outside, as the kernel tells it.
  const seen = [4, 5].map((fd) => readlinkSync(`/proc/${second.process.pid}/fd/${fd}`));
  for (const link of seen) expect(link).toMatch(/^pipe:\[\d+\]$/);
  const inodes = fds.map((line) => line.split(' ')[1]);
  for (const link of seen) expect(inodes).not.toContain(link);
});

test('a process that inherited only the environment is not taken for a child', async () => {
  const child = await Child.start();
  const program = `import('@pigeonhole/transport-pipe').then(({ default: pipe }) => console.log(pipe().details().place))`;
  const fds = [4, 5].map((fd) => readlinkSync(`/proc/${child.process.pid}/fd/${fd}`));
  const inodes = fds.map((link) => /\d+/.exec(link)?.[0]);
  const env = { ...process.env, PIGEONHOLE_PIPE: `4,5,${inodes.join()},0123456789abcdef/7` };
  const place = execFileSync(process.execPath, ['-e', program], {
    env,
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
  });
  expect(place).toMatch(/^[0-9a-f]{16}\n$/); // the first of a tree of its own
});

test('parent and child, siblings, a child of a child, and cousins reach one another', async () => {
  const directory = scratch();
  const parent = await ownRuntime(directory);
  const [left, right] = [await joined(directory, 'left'), await joined(directory, 'right')];
  await left.call('spawn');
  await left.call('child', [0, 'join', settings(directory, 'grandchild')]);
  const receiving = left.call('receive', 'of-left');
  await parent.send(mailbox('of-left'), 'from the parent');
  expect(await receiving).toEqual({ body: 'from the parent', from: 'parent' });
  const sibling = left.call('receive', 'of-left');
  await right.call('send', ['of-left', 'from the sibling']);
  expect(await sibling).toEqual({ body: 'from the sibling', from: 'right' });
  const deep = left.call('child', [0, 'receive', 'of-grandchild']);
  await right.call('send', ['of-grandchild', 'from the aunt']);
  expect(await deep).toEqual({ body: 'from the aunt', from: 'right' });
  const up = right.call<{ body: string; from: string }>('receive', 'of-right');
  await left.call('child', [0, 'send', ['of-right', 'x'.repeat(2_000_000)]]);
  const { body, from } = await up;
  expect([body.length, from]).toEqual([2_000_000, 'grandchild']);
  expect(await left.call('child', [0, 'where', 'm'])).toMatch(/^[0-9a-f]{16}\/\d+\/1$/);
});

test('the death of a child is seen through its pipe, by its siblings too', async () => {
  const directory = scratch();
  const parent = await ownRuntime(directory);
  const [left, right] = [await joined(directory, 'left'), await joined(directory, 'right')];
  void right.call('receive', 'm').catch(() => {});
  await until(() => parent.peers().length === 2);
  await left.call('send', ['m', 1]);
  await right.kill();
  await until(async () => (await left.call<string[]>('events')).includes('peer:down right'));
  await until(() => parent.peers().length === 1);
});

test('a child sees the death of its parent, lives on and can end in order', async () => {
  const orphan = fileURLToPath(new URL('orphan.mjs', import.meta.url));
  const parent = spawn(process.execPath, [orphan, scratch()], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  parent.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  // The child has the other hold on this pipe: it closes when both have gone.
  const closed = once(parent.stdout, 'close');
  expect(await once(parent, 'exit')).toEqual([null, 'SIGKILL']);
  await closed;
  expect(printed).toBe('received 1; saw parent die\n');
});

test('a stopped process is not dead, holds up nobody, and goes on where it was', async () => {
  const directory = scratch();
  const parent = await ownRuntime(directory);
  const [left, right] = [await joined(directory, 'left'), await joined(directory, 'right')];
  await left.call('host', 'of-left');
  left.process.kill('SIGSTOP');
  const body = 'x'.repeat(1_000_000);
  const sends = Array.from({ length: 8 }, () => parent.send(mailbox('of-left'), body));
  const sibling = right.call('send', ['of-left', body]);
  const receiving = right.call('receive', 'of-right');
  await parent.send(mailbox('of-right'), 'passes');
  expect(await receiving).toEqual({ body: 'passes', from: 'parent' });
  const names = parent.peers().map(({ name }) => name);
  expect(names.sort()).toEqual(['left', 'right']);
  left.process.kill('SIGCONT');
  await Promise.all([...sends, sibling]);
});

test('another family is out of reach, and the error says why', async () => {
  const directory = scratch();
  const parent = await ownRuntime(directory);
  await parent.receiver(mailbox('m'));
  const stranger = spawn(process.execPath, [script], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  onTestFinished(() => void stranger.kill('SIGKILL'));
  await once(stranger, 'message');
  const call = async (order: string, value: unknown): Promise<{ error?: string }> => {
    stranger.send({ id: 1, order, value });
    return (await once(stranger, 'message'))[0] as { error?: string };
  };
  expect(await call('join', settings(directory, 'stranger'))).not.toHaveProperty('error');
  const { error } = await call('send', ['m', 1]);
  expect(error).toMatch(
    /ERR_TRANSPORT .*does not descend from the same process; start both with spawnProcess/,
  );
});

test('worker threads have no pipes', async () => {
  const program = `
    const { parentPort } = require('node:worker_threads');
    const pipe = require('@pigeonhole/transport-pipe');
    (async () => {
      const codes = [];
      for (const call of [() => pipe.default().open({}), () => pipe.spawnProcess('x')])
        await Promise.resolve().then(call).catch(({ code }) => codes.push(code));
      parentPort.postMessage(codes);
    })();`;
  const worker = new Worker(program, { eval: true });
  expect(await once(worker, 'message')).toEqual([['ERR_UNSUPPORTED', 'ERR_UNSUPPORTED']]);
  await worker.terminate();
});

test('what cannot be started leaves no descriptor behind', async () => {
  const before = readdirSync('/proc/self/fd').length;
  expect(() => spawnProcess('')).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  expect(() => spawnProcess('x', { cwd: 5 as unknown as string })).toThrow(TypeError);
  const child = spawnProcess('x', { execPath: '/nowhere/node' });
  const [error] = (await once(child, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ENOENT');
  await until(() => readdirSync('/proc/self/fd').length <= before);
});

test('descriptors grow with processes, not with mailboxes: of the parent, who passes all on, and of two children', async () => {
  const directory = scratch();
  const parent = await ownRuntime(directory);
  const children = [await joined(directory, 'left'), await joined(directory, 'right')] as const;
  const open = (): number[] =>
    [process.pid, ...children.map(({ process: { pid } }) => pid)].map(
      (pid) => readdirSync(`/proc/${pid}/fd`).length,
    );
  const [left, right] = children;
  const use = async (from: number, to: number): Promise<void> => {
    await left.call('hostAll', [from, to]);
    await right.call('sendAll', [from, to]);
    for (let n = from; n < to; n++) await parent.send(mailbox(`m${n}`), n);
  };
  await use(0, 4);
  const before = open();
  await use(4, 1000);
  for (const [at, count] of open().entries()) expect(count).toBeLessThanOrEqual(before[at] as number);
});
