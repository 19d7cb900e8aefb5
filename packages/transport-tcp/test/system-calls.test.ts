/** What the kernel sees of it, by strace(1): TCP sockets, without delay, and one call for what is sent in one turn. */
import { join } from 'node:path';
import { mailbox } from '@pigeonhole/core';
import { expect, test } from 'vitest';
import { PeerProcess } from '../../core/test/peers/peer-process.js';
import { calls, straced, testStrace, works } from '../../core/test/peers/strace.js';
import { joined, published, scratch, settings } from './scene.js';

testStrace();

const port = (address: string): string => `sin_port=htons(${address.split(':')[1]})`;

test.runIf(works)(
  'messages travel over a TCP connection of the loopback interface, without delay',
  async () => {
    const directory = scratch();
    const log = join(directory, 'log');
    const traced = 'socket,bind,listen,connect,accept4,setsockopt,write,writev,sendmsg,sendto';
    const strace = straced(log, traced);
    const victim = await PeerProcess.start(settings(directory, 'traced'), strace);
    const here = await joined(directory, 'here');
    const receiver = await here.receiver(mailbox('sink', { capacity: 'unbounded' }));
    // It dials: a mailbox that this process hosts. And it is dialled: one that it hosts, by a third.
    await victim.call('sender', 'sink');
    await victim.call('receiver', 'theirs');
    const third = await joined(directory, 'third');
    await third.send(mailbox('theirs'), 1);
    const [rounds, many] = [20, 500];
    for (let round = 0; round < rounds; round++) {
      await victim.call('burst', 'sink', many);
      await receiver.receiveMany(many);
    }
    const [own, dialled] = [published(directory, 'traced').ports.tcp, published(directory, 'here').ports.tcp];
    await victim.leave();
    const seen = calls(log);

    const internet = seen.filter(({ name, text }) => name === 'socket' && !text.startsWith('AF_UNIX'));
    expect(internet.length).toBeGreaterThan(0);
    for (const { text } of internet) expect(text).toMatch(/^AF_INET, SOCK_STREAM/);
    const bound = seen.filter(({ name, text }) => name === 'bind' && text.includes('AF_INET'));
    expect(bound.map(({ text }) => text.includes('inet_addr("127.0.0.1")'))).toEqual([true]);
    const listener = bound[0]?.descriptor;
    expect(seen.some(({ name, descriptor }) => name === 'listen' && descriptor === listener)).toBe(true);
    const accepted = seen.find(
      (call) => call.name === 'accept4' && call.descriptor === listener && call.result >= 0,
    );
    expect(accepted).toBeDefined();
    const at = seen.findIndex(({ name, text }) => name === 'connect' && text.includes(port(dialled)));
    expect(at).toBeGreaterThan(0);
    expect(own).not.toBe(dialled);
    const link = seen[at]?.descriptor;
    for (const descriptor of [link, accepted?.result])
      expect(
        seen.some(
          (call) =>
            call.name === 'setsockopt' &&
            call.descriptor === descriptor &&
            call.text.includes('TCP_NODELAY, [1]'),
        ),
        `TCP_NODELAY on ${descriptor}`,
      ).toBe(true);

    const written = seen
      .slice(at)
      .filter(({ name, descriptor }) => /^(write|send)/.test(name) && descriptor === link);
    expect(written.reduce((sum, { result }) => sum + result, 0)).toBeGreaterThan(rounds * many * 28);
    // A turn's frames: 16 KiB leave in its midst, the rest at its end, and now and then the writer's slab of 64 KiB ends in between; beside them the hello, an open, a detach.
    expect(written.length).toBeLessThanOrEqual(3 * rounds + 8);
  },
);
