/** Two hosts: network namespaces, each with a runtime directory of its own, and a cable between them. */
import { describe, expect, test } from 'vitest';
import { PeerProcess, type Seen } from '../../core/test/peers/peer-process.js';
import { until } from '../../core/test/peers/watch.js';
import { Authority } from './certificates.js';
import { Host, noHosts } from './host.js';
import { NAMESPACE, scratch } from './scene.js';

/** Long enough for a busy machine, short enough for a test that waits for it. */
const SILENCE = 3000;

const isUp =
  (name: string) =>
  ({ event, name: who }: Seen): boolean =>
    event === 'peer:up' && who === name;
const isDown =
  (name: string) =>
  ({ event, name: who }: Seen): boolean =>
    event === 'peer:down' && who === name;

/** Names and addresses, the same for all; each host has a directory. */
class World {
  readonly hosts = Host.pair();
  readonly directories = [scratch(), scratch()];
  readonly peers: Record<string, string> = {};
  private readonly homes = new Map<string, number>();

  constructor(
    homes: Record<string, number>,
    private readonly extra: (name: string, address: string) => object = () => ({ insecure: true }),
  ) {
    for (const [at, [name, home]] of Object.entries(homes).entries()) {
      this.homes.set(name, home);
      this.peers[name] = `${this.hosts[home as 0].address}:${7000 + at}`;
    }
  }

  options(name: string, more: object = {}): object {
    const home = this.homes.get(name) as 0;
    const { address } = this.hosts[home];
    const transport = {
      use: 'tcp',
      peers: this.peers,
      silence: SILENCE,
      ...this.extra(name, address),
      ...more,
    };
    return { name, namespace: NAMESPACE, directory: this.directories[home], transport };
  }

  start(name: string, more: object = {}): Promise<PeerProcess> {
    return PeerProcess.start(this.options(name, more), this.hosts[this.homes.get(name) as 0].prefix);
  }

  launch(name: string): Promise<PeerProcess> {
    return PeerProcess.launch(this.options(name), this.hosts[this.homes.get(name) as 0].prefix);
  }
}

const sends = async (from: PeerProcess, mailbox: string, body: unknown): Promise<unknown> => {
  await from.call('sender', mailbox);
  return from.call('send', mailbox, body);
};

const received = async (by: PeerProcess, mailbox: string): Promise<unknown> =>
  (await by.call<{ body: unknown }>('receive', mailbox)).body;

describe.runIf(noHosts === null)('two hosts', () => {
  test('processes find one another, mailboxes and inboxes are reached, and all of it goes again', async () => {
    const world = new World({ a: 0, b: 1 });
    const a = await world.start('a');
    await a.call('receiver', 'at-a', { capacity: 2 });
    const b = await world.start('b');
    const up = await a.seen(isUp('b'), 'b to be known at a');
    expect(up.pid).toBe(b.child.pid);
    await b.seen(isUp('a'), 'a to be known at b');
    await sends(b, 'at-a', { from: 'b' });
    expect(await a.call('receive', 'at-a')).toMatchObject({ body: { from: 'b' }, from: 'b' });
    await a.call('sendDirect', 'b', 'directly');
    expect(await b.call('receiveDirect', 'a')).toMatchObject({ body: 'directly', from: 'a' });
    // A mailbox that is sought before anybody has it.
    await a.call('sender', 'later');
    const waiting = a.call('send', 'later', 'waited');
    await b.call('receiver', 'later');
    expect(await received(b, 'later')).toBe('waited');
    await waiting;
    await expect(b.call('receiver', 'at-a', { capacity: 3 })).rejects.toMatchObject({
      code: 'ERR_CAPACITY_MISMATCH',
    });
    const big = 'x'.repeat(5_000_000);
    await sends(b, 'at-a', big);
    expect(await received(a, 'at-a')).toBe(big);
    await b.leave();
    await a.seen(isDown('b'), 'b to have left');
    await a.leave();
  });

  test('receivers on both hosts: one of them hosts, and each message goes to one', async () => {
    const world = new World({ a: 0, b: 1, c: 0 });
    const [a, b, c] = [await world.start('a'), await world.start('b'), await world.start('c')];
    for (let round = 0; round < 10; round++) {
      const name = `m${round}`;
      await Promise.all([a.call('receiver', name), b.call('receiver', name)]);
      await c.call('sender', name);
      await c.call('burst', name, 20);
      const bodies: unknown[] = [];
      while (bodies.length < 20)
        for (const by of [a, b]) {
          const message = await by.call<{ body: { n: number } } | null>('tryReceive', name);
          if (message !== null) bodies.push(message.body.n);
        }
      expect(bodies.map(Number).sort((x, y) => x - y)).toEqual(Array.from({ length: 20 }, (_, n) => n));
      const hosting = await Promise.all([a, b].map((each) => each.call<Seen[]>('events')));
      const hosts = hosting
        .flat()
        .filter(({ event, mailbox }) => event === 'mailbox:host' && mailbox === name);
      expect(hosts).toHaveLength(1);
    }
    // The process that has both in its directory and in its peers is known once.
    const seen = await a.call<Seen[]>('events');
    expect(seen.filter(isUp('c'))).toHaveLength(1);
    for (const each of [a, b, c]) await each.leave();
  });

  test('a name that a live process has on the other host is ERR_IN_USE; a dead one has none', async () => {
    const world = new World({ a: 0, b: 1 });
    const [a, b] = [await world.start('a'), await world.start('b')];
    await a.seen(isUp('b'), 'b to be known');
    const impostor = await PeerProcess.launch(
      { ...world.options('b', { listen: `${world.hosts[1].address}:7999` }), directory: scratch() },
      world.hosts[1].prefix,
    );
    await expect(impostor.call('start')).rejects.toMatchObject({ code: 'ERR_IN_USE' });
    b.child.kill('SIGKILL');
    await b.ended;
    const again = await world.start('b');
    await a.seen(
      ({ event, pid }) => event === 'peer:up' && pid === again.child.pid,
      'the next b to be known',
    );
    await a.seen(isDown('b'), 'the first b to be dead');
    for (const each of [again, a]) await each.leave();
  });

  test('a host that is killed is dead at once, a receiver on the other host takes over, and senders find it', async () => {
    const world = new World({ a: 0, b: 1 });
    const [a, b] = [await world.start('a'), await world.start('b')];
    await b.call('receiver', 'm');
    await a.call('receiver', 'm');
    await sends(a, 'm', 'lies at b');
    b.child.kill('SIGKILL');
    await a.seen(isDown('b'), 'the death of b');
    await a.seen(({ event, lost }) => event === 'mailbox:lost' && lost === 1, 'the loss to be reported');
    await a.seen(({ event, mailbox }) => event === 'mailbox:host' && mailbox === 'm', 'a to host it');
    await sends(a, 'm', 'lies here');
    expect(await received(a, 'm')).toBe('lies here');
    await a.leave();
  });

  test('a host that closes hands its messages over to the other host', async () => {
    const world = new World({ a: 0, b: 1 });
    const [a, b] = [await world.start('a'), await world.start('b')];
    await b.call('receiver', 'm');
    await a.call('receiver', 'm');
    for (let n = 0; n < 10; n++) await sends(a, 'm', n);
    await b.leave();
    for (let n = 0; n < 10; n++) expect(await received(a, 'm')).toBe(n);
    await a.leave();
  });

  test('a stopped process is not dead before the limit; beyond it, it is, and comes back', async () => {
    const world = new World({ a: 0, b: 1 }, () => ({ insecure: true, silence: 10_000 }));
    const [a, b] = [await world.start('a'), await world.start('b')];
    await b.call('receiver', 'm');
    await sends(a, 'm', 1);
    b.child.kill('SIGSTOP');
    const sent = a.call('send', 'm', 2);
    // Far longer than a link that nobody answers on needs to be noticed, and than the second of R27.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect((await a.call<Seen[]>('events')).filter(isDown('b'))).toEqual([]);
    b.child.kill('SIGCONT');
    await sent;
    b.child.kill('SIGSTOP');
    await a.seen(isDown('b'), 'b to be silent for too long');
    b.child.kill('SIGCONT');
    await until(
      async () => (await a.call<Seen[]>('events')).filter(isUp('b')).length === 2,
      'b to be known again',
    );
    expect(await received(b, 'm')).toBe(1);
    expect(await received(b, 'm')).toBe(2);
    for (const each of [a, b]) await each.leave();
  });

  test('a cable that is cut: silence is death after the limit, on both sides; mended, two hosts of a mailbox become one', async () => {
    const world = new World({ a: 0, b: 1 });
    const [a, b] = [await world.start('a'), await world.start('b')];
    await b.call('receiver', 'm');
    await a.call('receiver', 'm');
    await sends(b, 'm', 'of b, before');
    world.hosts[0].run('ip', 'link', 'set', 'cable', 'down');
    await Promise.all([a.seen(isDown('b'), 'b to be dead to a'), b.seen(isDown('a'), 'a to be dead to b')]);
    await a.seen(({ event, mailbox }) => event === 'mailbox:host' && mailbox === 'm', 'a to host it, too');
    await sends(a, 'm', 'of a, apart');
    await sends(b, 'm', 'of b, apart');
    world.hosts[0].run('ip', 'link', 'set', 'cable', 'up');
    await until(
      async () => (await a.call<Seen[]>('events')).filter(isUp('b')).length === 2,
      'a to know b again',
    );
    const host = async (each: PeerProcess): Promise<unknown> =>
      (await each.call<{ host: string }>('explain', 'm')).host;
    await until(
      async () => (await host(a)) !== null && (await host(a)) === (await host(b)),
      'one host for both',
    );
    // Wherever they lay, one receiver has them all.
    const bodies: unknown[] = [];
    while (bodies.length < 3) bodies.push(await received(a, 'm'));
    expect(bodies.sort()).toEqual(['of a, apart', 'of b, apart', 'of b, before']);
    for (const each of [a, b]) await each.leave();
  });

  test('connections that are broken again and again lose and repeat no accepted message', async () => {
    const world = new World({ a: 0, b: 1 });
    const [a, b] = [await world.start('a'), await world.start('b')];
    await b.call('receiver', 'm', { capacity: 'unbounded' });
    await a.call('sender', 'm');
    const outcomes: string[] = [];
    let cuts = 0;
    let broken = 0;
    const sending = (async () => {
      for (let from = 0; from < 20_000 && (cuts < 8 || from < 4000); from += 500)
        outcomes.push(...(await a.call<string[]>('stream', 'm', from, 500)));
    })();
    const over = sending.then(() => true);
    for (; cuts < 8; cuts++) {
      // The kernel resets every connection of this host (ss -K).
      broken += world.hosts[1].run('ss', '-KHt', 'dst', world.hosts[0].address).split('ESTAB').length - 1;
      if (await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 100, false))])) break;
    }
    await over;
    const got: number[] = [];
    for (;;) {
      const message = await b.call<{ body: number } | null>('tryReceive', 'm');
      if (message === null) break;
      got.push(message.body);
    }
    expect(new Set(got).size).toBe(got.length);
    expect([...got].sort((x, y) => x - y)).toEqual(got);
    const accepted = outcomes.flatMap((outcome, n) => (outcome === 'accepted' ? [n] : []));
    const there = new Set(got);
    expect(accepted.filter((n) => !there.has(n))).toEqual([]);
    for (const n of got) expect(outcomes[n]).toMatch(/^(accepted|ERR_OUTCOME_UNKNOWN)$/);
    expect(broken).toBeGreaterThan(0);
    expect((await a.call<Seen[]>('events')).filter(({ event }) => event === 'mailbox:lost')).toEqual([]);
    for (const each of [a, b]) await each.leave();
  });

  test('with TLS a process speaks for a name only if its certificate is valid for the address of that name', async () => {
    const directory = scratch();
    const authority = new Authority(directory);
    const world = new World({ a: 0, b: 1, c: 1 }, (name, address) => ({
      tls: authority.issue(name, `IP:${name === 'c' ? '10.77.0.9' : address}`),
    }));
    const [a, b] = [await world.start('a'), await world.start('b')];
    await a.call('receiver', 'm');
    await sends(b, 'm', 'secret');
    expect(await received(a, 'm')).toBe('secret');
    const c = await world.start('c');
    await a.seen(
      ({ event, message }) => event === 'warning' && /not valid for the address/.test(message ?? ''),
      'a warning about c',
    );
    expect((await a.call<Seen[]>('events')).filter(isUp('c'))).toEqual([]);
    for (const each of [c, b, a]) await each.leave();
  });

  test('a process that peers does not name is not let in', async () => {
    const world = new World({ a: 0, b: 1 });
    const a = await world.start('a');
    const { hosts, peers } = world;
    const transport = {
      use: 'tcp',
      insecure: true,
      listen: `${hosts[1].address}:7998`,
      peers: { a: peers.a },
    };
    const stranger = await PeerProcess.start(
      { name: 'stranger', namespace: NAMESPACE, directory: world.directories[1], transport },
      hosts[1].prefix,
    );
    await stranger.seen(({ event, code }) => event === 'warning' && code === 'ERR_NOT_OURS', 'a refusal');
    expect(await a.call('peers')).toEqual([]);
    for (const each of [stranger, a]) await each.leave();
  });
});
