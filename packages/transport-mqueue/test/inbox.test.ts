/** The inbox queue itself: what a death leaves, what happens while nobody reads, and what others put into it. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { mailbox, peer } from '@pigeonhole/core';
import { describe, expect, test } from 'vitest';
import { inboxOf, openInbox } from './conformance-attack.js';
import { messagesIn } from './discard.js';
import { ended, NAMESPACE, peerIn, peerScript, runtimeIn, scratch, until } from './scene.js';

const traceable = spawnSync('strace', ['-f', '-e', 'trace=none', 'true']).status === 0;

/** How often this thread's event loop has turned. */
const turns = (): number =>
  (performance as unknown as { nodeTiming: { uvMetricsInfo: { loopCount: number } } }).nodeTiming
    .uvMetricsInfo.loopCount;

describe.each(['posix', 'sysv'] as const)('%s', (api) => {
  const target = (directory: string, name: string) => ({ directory, namespace: NAMESPACE, name });
  const inboxIsThere = (directory: string, incarnation: string): boolean =>
    messagesIn(join(directory, NAMESPACE), `@${incarnation}`) !== null;

  /** The incarnation of a process that has been killed. */
  const killed = async (directory: string, name: string): Promise<string> => {
    const process = await peerIn(directory, { api }, name);
    const incarnation = inboxOf(target(directory, name)).slice(-16);
    process.kill('SIGKILL');
    await ended(process);
    expect(inboxIsThere(directory, incarnation)).toBe(true);
    return incarnation;
  };

  test('the inbox goes with its process', async () => {
    const directory = scratch();
    const runtime = await runtimeIn(directory, { api });
    const incarnation = inboxOf(target(directory, 'own')).slice(-16);
    expect(inboxIsThere(directory, incarnation)).toBe(true);
    await runtime.close();
    expect(inboxIsThere(directory, incarnation)).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('a killed process leaves its inbox; the next to join removes it, and who knew it, too', async () => {
    const directory = scratch();
    const incarnation = await killed(directory, 'alone');
    const runtime = await runtimeIn(directory, { api });
    expect(inboxIsThere(directory, incarnation)).toBe(false);
    const met = new Promise((resolve) => runtime.once('peer:up', resolve));
    const known = await peerIn(directory, { api }, 'known');
    await met;
    const other = inboxOf(target(directory, 'known')).slice(-16);
    known.kill('SIGKILL');
    await until(() => !inboxIsThere(directory, other));
    await runtime.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('what a killed process leaves is removed by one of the other kind, too', async () => {
    const directory = scratch();
    const incarnation = await killed(directory, 'alone');
    const runtime = await runtimeIn(directory, { api: api === 'posix' ? 'sysv' : 'posix' });
    expect(inboxIsThere(directory, incarnation)).toBe(false);
    await runtime.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('a stopped process with a full inbox makes its writers wait, hurts nobody else, and the loop sleeps', async () => {
    const directory = scratch();
    const runtime = await runtimeIn(directory, { api });
    const [stopped, _other] = await Promise.all([
      peerIn(directory, { api }, 'stopped'),
      peerIn(directory, { api }, 'other'),
    ]);
    await runtime.send(mailbox('echo'), 'there');
    const inbox = openInbox(target(directory, 'stopped'));
    stopped.kill('SIGSTOP');
    while (inbox.send(new Uint8Array(200))); // nobody's, to fill it
    inbox.close();
    const own = await runtime.receiver(mailbox('own'));
    const before = turns();
    for (let round = 0; round < 20; round++) {
      await runtime.send(mailbox('own'), round);
      expect((await own.receive()).body).toBe(round);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(turns() - before).toBeLessThan(2000); // a loop that asked again and again would turn a hundred times as often
    stopped.kill('SIGCONT');
    await runtime.send(mailbox('echo'), 'still there');
  });

  test('a runtime that closes while it dials a stopped process leaves nothing, and lets its process end', async () => {
    const directory = scratch();
    const runtime = await runtimeIn(directory, { api });
    const stopped = await peerIn(directory, { api }, 'stopped');
    const [own, other] = ['own', 'stopped'].map((name) => inboxOf(target(directory, name)).slice(-16));
    stopped.kill('SIGSTOP');
    const sent = expect(runtime.send(peer('stopped'), 'unread')).rejects.toMatchObject({
      code: 'ERR_CLOSED',
    });
    await until(() => (messagesIn(join(directory, NAMESPACE), `@${other}`) ?? 0) > 0);
    await runtime.close();
    await sent;
    await until(() => !readdirSync(join(directory, NAMESPACE)).some((file) => file.includes(own as string)));
    expect(inboxIsThere(directory, own as string)).toBe(false);
    stopped.kill('SIGKILL');
    await ended(stopped);
  });

  test('messages that are no frames, or of a forged stream, change nothing for others', async () => {
    const directory = scratch();
    const runtime = await runtimeIn(directory, { api });
    await peerIn(directory, { api }, 'peer');
    await runtime.send(mailbox('echo'), 0);
    const inbox = openInbox(target(directory, 'own'));
    const forged = Buffer.alloc(64);
    forged.write('PGMQ');
    const introduction = Buffer.from(forged);
    introduction[4] = 1;
    introduction.write(inboxOf(target(directory, 'peer')), 24);
    const messages = [Buffer.from('x'), Buffer.alloc(0), forged, introduction, Buffer.alloc(512)];
    for (let n = 0; n < 100; n++) {
      inbox.send(messages[n % messages.length] as Buffer);
      await runtime.send(mailbox('echo'), n);
    }
    inbox.close();
  });

  test('descriptors do not grow with mailboxes: 1,000 between two processes', async () => {
    const directory = scratch();
    const runtime = await runtimeIn(directory, { api });
    await peerIn(directory, { api }, 'peer');
    const ready = await runtime.receiver(mailbox('ready'));
    await runtime.send(mailbox('host'), 1000);
    await ready.receive();
    await runtime.send(mailbox('hosted-0'), 0);
    const before = readdirSync('/proc/self/fd').length;
    await Promise.all(Array.from({ length: 1000 }, (_, n) => runtime.send(mailbox(`hosted-${n}`), n)));
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  test('processes that name different kinds of queue say so', async () => {
    const directory = scratch();
    const runtime = await runtimeIn(directory, { api });
    const other = await runtimeIn(directory, { api: api === 'posix' ? 'sysv' : 'posix' }, 'other');
    await runtime.receiver(mailbox('apart'));
    await expect(other.send(mailbox('apart'), 1, { timeout: 5000 })).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
      message: expect.stringContaining('all its processes must name the same api'),
    });
  });

  test.runIf(traceable)('the kernel sees its own queues', async () => {
    const directory = scratch();
    for (const [queue, minimum] of [
      ['hosted', 20],
      ['kernel', 20],
    ] as const) {
      const logs = mkdtempSync(join(directory, `${queue}-`));
      await promisify(execFile)('strace', [
        // A file for each thread: in one, lines of several would be cut in two.
        ...['-ff', '-qq', '-e', 'trace=mq_open,mq_timedsend,mq_timedreceive,msgget,msgsnd,msgrcv'],
        ...['-e', 'signal=none', '-s', '16', '-o', join(logs, 'log'), '--', process.execPath],
        ...[peerScript, JSON.stringify({ api, queue }), join(directory, 'run'), NAMESPACE, 'self-test'],
      ]);
      const log = readdirSync(logs).map((name) => readFileSync(join(logs, name), 'utf8'));
      const calls = (name: string): number =>
        log.join('\n').match(new RegExp(`^${name}\\(.*= \\d+$`, 'gm'))?.length ?? 0;
      const [make, send, receive] =
        api === 'posix' ? ['mq_open', 'mq_timedsend', 'mq_timedreceive'] : ['msgget', 'msgsnd', 'msgrcv'];
      expect(calls(make)).toBeGreaterThanOrEqual(1);
      expect(calls(send)).toBeGreaterThanOrEqual(minimum);
      expect(calls(receive)).toBeGreaterThanOrEqual(minimum);
    }
  });
});
