/** What the kernel sees of it, by strace(1): one UDP socket on loopback, and one call for what is sent in one turn. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mailbox } from '@pigeonhole/core';
import { expect, test } from 'vitest';
import { parseAddress } from '../src/address.js';
import { PeerProcess } from './peer-process.js';
import { joined, published, scratch, settings } from './scene.js';

const attempt = spawnSync('strace', ['-f', '-e', 'trace=none', 'true'], { encoding: 'utf8' });
const works = attempt.status === 0;

interface Call {
  readonly name: string;
  readonly text: string;
  readonly descriptor: number;
  readonly result: number;
}

function calls(log: string): Call[] {
  return readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const match = /^\d+ +(\w+)\((\d+)?(.*)\) += (-?\d+)/.exec(line);
      if (match === null) return [];
      const [, name = '', descriptor = '-1', text = '', result = ''] = match;
      return [{ name, text, descriptor: Number(descriptor), result: Number(result) }];
    });
}

test('strace can be used here, or says why not', () => {
  if (works) expect(attempt.stderr).not.toContain('Operation not permitted');
  else expect(`${attempt.stderr}${attempt.error ?? ''}`).toMatch(/ENOENT|not permitted|PTRACE/);
});

test.runIf(works)(
  'messages travel in UDP datagrams over loopback, what one turn sends in few of them',
  async () => {
    const directory = scratch();
    const log = join(directory, 'log');
    const traced = 'trace=socket,bind,connect,sendto,sendmsg,sendmmsg,write,writev';
    const strace = ['strace', '-f', '-qq', '-e', traced, '-e', 'signal=none', '-s', '0', '-o', log, '--'];
    const traceable = await PeerProcess.start(settings(directory, 'traced'), strace);
    const here = await joined(directory, 'here');
    const receiver = await here.receiver(mailbox('sink', { capacity: 'unbounded' }));
    await traceable.call('sender', 'sink');
    const [rounds, many] = [20, 500];
    for (let round = 0; round < rounds; round++) {
      await traceable.call('burst', 'sink', many);
      await receiver.receiveMany(many);
    }
    const { port } = parseAddress(published(directory, 'here').ports.udp);
    await traceable.leave();
    const seen = calls(log);

    const internet = seen.filter(({ name, text }) => name === 'socket' && !text.startsWith('AF_UNIX'));
    expect(internet.map(({ text }) => /^AF_INET, SOCK_DGRAM/.test(text))).toEqual([true]);
    const socket = internet[0]?.result;
    const bound = seen.filter(({ name, descriptor }) => name === 'bind' && descriptor === socket);
    expect(bound.map(({ text }) => text.includes('inet_addr("127.0.0.1")'))).toEqual([true]);
    const sent = seen.filter(({ name, descriptor }) => /^send/.test(name) && descriptor === socket);
    expect(sent.length).toBeGreaterThan(rounds);
    for (const { text } of sent) expect(text).toContain(`sin_port=htons(${port})`);
    // A turn's frames are some 20 KB, so in one or two datagrams; beside them the handshake, the hello, and acknowledgements.
    expect(sent.length).toBeLessThanOrEqual(6 * rounds + 20);
  },
);
