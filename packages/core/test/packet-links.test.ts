/** Links over packets: windows, room, and packets that nobody should send. link.test.ts of each transport has the rest of the contract. */
import { expect, test } from 'vitest';
import { type Link, type LinkHandler, PACKET_HEAD, PacketLinks } from '../dist/transport.js';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Log implements LinkHandler {
  bytes = 0;
  drains = 0;
  readonly ends: (Error | undefined)[] = [];
  link: Link | null = null;

  data(chunk: Uint8Array): void {
    this.bytes += chunk.byteLength;
  }

  drain(): void {
    this.drains++;
  }

  end(error?: Error): void {
    this.ends.push(error);
  }
}

/** Two sides, 'a' and 'b', whose packets wait in a list of at most `room` until they are moved. */
function pair(room = Number.POSITIVE_INFINITY, onAccept = (_link: Link): void => {}) {
  const lists: Record<string, Uint8Array[]> = { a: [], b: [] };
  const accepted: Log[] = [];
  const side = (other: string): PacketLinks =>
    new PacketLinks({
      maxPayload: 1000,
      send(_peer, head, body, start, end) {
        const list = lists[other] as Uint8Array[];
        if (list.length >= room) return false;
        list.push(Buffer.concat([head, body.subarray(start, end)]));
        return true;
      },
      accept(link, _peer, port) {
        if (port !== 'open') return null;
        const log = new Log();
        log.link = link;
        accepted.push(log);
        onAccept(link);
        return log;
      },
    });
  const sides: Record<string, PacketLinks> = { a: side('b'), b: side('a') };
  const other: Record<string, string> = { a: 'b', b: 'a' };
  const move = (to: string): void => {
    for (const packet of (lists[to] as Uint8Array[]).splice(0))
      (sides[to] as PacketLinks).receive(other[to] as string, packet, true);
    (sides[other[to] as string] as PacketLinks).room(to);
  };
  const settle = async (): Promise<void> => {
    for (let rounds = 0; rounds < 4 || (lists.a as []).length + (lists.b as []).length > 0; rounds++) {
      move('a');
      move('b');
      await tick();
    }
  };
  return { a: sides.a as PacketLinks, b: sides.b as PacketLinks, lists, accepted, move, settle };
}

async function linked(made = pair()) {
  const near = new Log();
  const connecting = made.a.connect('b', 'open', near);
  await made.settle();
  near.link = await connecting;
  return { ...made, near, far: made.accepted[0] as Log };
}

test('no more than a window is under way to a side that does not handle it', async () => {
  const { near, far, lists, move, settle } = await linked();
  expect(near.link?.write(new Uint8Array(1_000_000))).toBe(false);
  const sent = (lists.b as Uint8Array[]).reduce((sum, packet) => sum + packet.length - PACKET_HEAD, 0);
  expect(sent).toBe(256 * 1024);
  expect(near.link?.write(Uint8Array.of(1))).toBe(false);
  move('b');
  await settle();
  expect([far.bytes, near.drains]).toEqual([1_000_001, 1]);
});

test('what was handled is reported less often while more follows, and before the writer must wait', async () => {
  const { near, far, lists, move, settle, b } = await linked();
  near.link?.write(new Uint8Array(1_000_000));
  const packets = (lists.b as Uint8Array[]).splice(0);
  for (const packet of packets) b.receive('a', packet, false, true);
  const reports = (lists.a as Uint8Array[]).length;
  expect(reports).toBeGreaterThan(0);
  expect(reports).toBeLessThan(3);
  expect(far.bytes).toBe(256 * 1024);
  move('a');
  await settle();
  expect(far.bytes).toBe(1_000_000);
});

test('with room for one packet at a time, several links all get through, in order of nothing but room', async () => {
  const made = pair(1);
  const { near, far } = await linked(made);
  const second = new Log();
  const connecting = made.a.connect('b', 'open', second);
  await made.settle();
  second.link = await connecting;
  near.link?.write(new Uint8Array(30_000));
  second.link.write(new Uint8Array(30_000));
  for (let turn = 0; turn < 30; turn++) {
    made.move('b');
    made.move('a');
  }
  // Neither waited for the other to be done.
  expect(far.bytes).toBeGreaterThan(0);
  expect(made.accepted[1]?.bytes).toBeGreaterThan(0);
  await made.settle();
  expect([far.bytes, made.accepted[1]?.bytes]).toEqual([30_000, 30_000]);
});

test('a link that is destroyed by who is asked to accept it ends on both sides', async () => {
  const made = pair(Number.POSITIVE_INFINITY, (link) => link.destroy());
  const near = new Log();
  const connecting = made.a.connect('b', 'open', near);
  const refused = expect(connecting).rejects.toMatchObject({ code: 'ERR_PEER_DOWN' });
  await made.settle();
  await refused;
  expect(made.accepted[0]?.ends).toEqual([undefined]);
  expect([made.a.size, made.b.size]).toEqual([0, 0]);
});

test('a port that nobody listens at refuses, and a peer that goes ends what was under way', async () => {
  const made = pair();
  const refused = expect(made.a.connect('b', 'closed', new Log())).rejects.toMatchObject({
    code: 'ERR_PEER_DOWN',
  });
  await made.settle();
  await refused;
  const pending = expect(made.a.connect('b', 'open', new Log())).rejects.toMatchObject({
    code: 'ERR_PEER_DOWN',
  });
  made.a.gone((peer) => peer === 'b');
  await pending;
  const { near, a } = await linked();
  a.gone((peer) => peer === 'b');
  expect(near.ends).toEqual([undefined]);
  near.link?.write(Uint8Array.of(1));
  near.link?.close();
  near.link?.destroy();
  await tick();
  expect(near.ends).toHaveLength(1);
});

test('links that are being made when the port closes are given up, and the other side is told; those that are made stay', async () => {
  const made = await linked();
  const error = expect(made.a.connect('b', 'open', new Log())).rejects.toMatchObject({
    code: 'ERR_PEER_DOWN',
  });
  made.a.abandon();
  await error;
  expect(made.a.size).toBe(1);
  await made.settle();
  expect([made.a.size, made.b.size]).toEqual([1, 1]);
  expect(made.accepted.map(({ ends }) => ends)).toEqual([[], [undefined]]);
});

test('what comes right behind the opening is not reported before who connects knows the link', async () => {
  const made = pair(
    Number.POSITIVE_INFINITY,
    (link) => void setImmediate(() => link.write(Buffer.from('first words'))),
  );
  const near = new Log();
  let known = false;
  const data = near.data.bind(near);
  near.data = (chunk) => {
    expect(known).toBe(true);
    data(chunk);
  };
  const connecting = made.a.connect('b', 'open', near).then((link) => {
    known = true;
    return link;
  });
  made.move('b');
  await tick();
  made.move('a'); // both the answer and the words
  await connecting;
  await made.settle();
  expect(near.bytes).toBe(11);
});

test('bytes beyond the window cut the link; packets of no link, of no kind and of no length change nothing', async () => {
  const { a, near, far, b, settle } = await linked();
  const packet = (kind: number, maker: number, number: number, body = new Uint8Array(0)): Uint8Array => {
    const head = Buffer.alloc(PACKET_HEAD);
    head[0] = kind;
    head[1] = maker;
    head.writeUInt32LE(number, 4);
    return Buffer.concat([head, body]);
  };
  for (const stray of [
    packet(99, 0, 1),
    packet(4, 0, 77, Buffer.from('x')),
    packet(5, 0, 1),
    new Uint8Array(3),
    packet(7, 1, 9),
  ])
    b.receive('a', stray, true);
  near.link?.write(Buffer.from('fine'));
  await settle();
  expect([far.bytes, far.ends]).toEqual([4, []]);
  for (let i = 0; i < 300; i++) a.receive('b', packet(4, 1, 1, new Uint8Array(1000)), true);
  // Handled at once, and reported as such: that is no breach.
  expect(near.ends).toEqual([]);
  a.receive('b', packet(4, 1, 1, new Uint8Array(257 * 1024)), true);
  expect(near.ends).toEqual([expect.objectContaining({ code: 'ERR_FRAME' })]);
  await settle();
  expect(far.ends).toEqual([undefined]);
  expect([a.size, b.size]).toEqual([0, 0]);
});

test('sent: at once when nothing waits, else when what was written before has left, and not for what was written after', async () => {
  const { near, far, move } = await linked();
  const link = near.link as Link;
  const calls: string[] = [];
  expect(link.sent?.(() => calls.push('never'))).toBe(true);
  link.write(new Uint8Array(300_000));
  expect(link.sent?.(() => calls.push('first'))).toBe(false);
  link.write(new Uint8Array(500_000));
  expect(link.sent?.(() => calls.push('second'))).toBe(false);
  expect(calls).toEqual([]);
  move('b');
  move('a');
  expect(calls).toEqual(['first']);
  while (far.bytes < 800_000) {
    move('b');
    move('a');
  }
  expect(calls).toEqual(['first', 'second']);
});

test('peerDown is for who carries the packets to act on', async () => {
  const down: string[] = [];
  const links = new PacketLinks({
    maxPayload: 1000,
    send: () => true,
    accept: () => null,
    down: (peer) => void down.push(peer),
  });
  const log = new Log();
  const made = links.connect('b', 'open', log);
  links.receive('b', Uint8Array.of(2, 1, 0, 0, 1, 0, 0, 0), true);
  const link = await made;
  link.peerDown?.();
  expect(down).toEqual(['b']);
  expect(log.ends).toEqual([]);
  links.gone((peer) => peer === 'b');
  await tick();
  link.peerDown?.();
  expect(down).toEqual(['b']);
  expect(log.ends).toHaveLength(1);
});
