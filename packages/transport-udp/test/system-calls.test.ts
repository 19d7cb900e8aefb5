/** What the kernel sees of it, by strace(1): one UDP socket on loopback, one call for what is sent in one turn, few for what comes. */
import { join } from 'node:path';
import { mailbox } from '@pigeonhole/core';
import { expect, test } from 'vitest';
import { PeerProcess } from '../../core/test/peers/peer-process.js';
import { calls, straced, testStrace, works } from '../../core/test/peers/strace.js';
import { parseAddress } from '../src/address.js';
import { joined, published, scratch, settings } from './scene.js';

testStrace();

test.runIf(works)(
  'messages travel in UDP datagrams over loopback, what one turn sends in few of them',
  async () => {
    const directory = scratch();
    const log = join(directory, 'log');
    const traced = 'socket,bind,connect,sendto,sendmsg,sendmmsg,recvfrom,recvmsg,recvmmsg,write,writev';
    const strace = straced(log, traced);
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
    const received = seen.filter(({ name, descriptor }) => /^recv/.test(name) && descriptor === socket);
    expect(new Set(received.map(({ name }) => name))).toEqual(new Set(['recvmmsg']));
    // A turn's frames are some 20 KB, so in one or two datagrams; beside them the handshake, the hello, and acknowledgements.
    expect(sent.length).toBeLessThanOrEqual(6 * rounds + 20);
  },
);
