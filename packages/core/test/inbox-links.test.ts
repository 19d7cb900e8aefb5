/** Links over inboxes: whose a frame is, and what a lost or a foreign one costs. link.test.ts of each transport has the rest of the contract. */
import { expect, test } from 'vitest';
import { FrameKind, type Inbox, InboxLinks, type Link, type LinkHandler } from '../dist/transport.js';

const HEAD = 24;
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Log implements LinkHandler {
  text = '';
  readonly ends: (Error | undefined)[] = [];

  constructor(readonly link?: Link) {}

  data(chunk: Uint8Array): void {
    this.text += Buffer.from(chunk).toString();
  }

  drain(): void {}

  end(error?: Error): void {
    this.ends.push(error);
  }
}

interface Frame {
  readonly kind: number;
  readonly stream: bigint;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** A process whose inbox is a list. */
class Side implements Inbox {
  readonly transport = 'list';
  readonly frameHead = HEAD;
  readonly maxPayload = 1000;
  readonly frames: Frame[] = [];
  readonly warnings: string[] = [];
  readonly accepted: Log[] = [];
  doneTimes = 0;
  readonly context = this;
  readonly links = new InboxLinks(this);

  constructor(
    readonly address: string,
    private readonly all: Map<string, Side>,
  ) {
    all.set(address, this);
  }

  writeHead(head: Buffer, kind: number, stream: bigint, sequence: number): void {
    head.writeUInt8(kind, 0);
    head.writeBigUInt64LE(stream, 1);
    head.writeUInt32LE(sequence, 9);
  }

  isPeer(address: string): boolean {
    return address !== this.address && this.all.has(address);
  }

  open(address: string) {
    const { frames } = this.all.get(address) as Side;
    return {
      write(head: Uint8Array, body: Uint8Array, start: number, end: number) {
        const bytes = Buffer.from(head);
        frames.push({
          kind: bytes.readUInt8(0),
          stream: bytes.readBigUInt64LE(1),
          sequence: bytes.readUInt32LE(9),
          payload: Buffer.concat([bytes.subarray(HEAD), body.subarray(start, end)]),
        });
        return true;
      },
      close() {},
    };
  }

  drain(): void {
    for (const { kind, stream, sequence, payload } of this.frames.splice(0))
      this.links.take(kind, stream, sequence, payload);
  }

  accept(link: Link): LinkHandler {
    const log = new Log(link);
    this.accepted.push(log);
    return log;
  }

  warn(error: Error): void {
    this.warnings.push(error.message);
  }

  done(): void {
    this.doneTimes++;
  }
}

/** Two processes with a link, and what moves all that is under way. */
async function linked() {
  const all = new Map<string, Side>();
  const [a, b] = [new Side('a', all), new Side('b', all)];
  const settle = async (): Promise<void> => {
    for (let quiet = 0; quiet < 3; quiet++) {
      if (a.frames.length + b.frames.length > 0) quiet = 0;
      for (const side of [a, b]) side.drain();
      await tick();
    }
  };
  const near = new Log();
  const made = a.links.connect('b', near);
  await settle();
  return { a, b, near, link: await made, far: b.accepted[0] as Log, settle };
}

test('streams that others begin in the name of a peer that has links take nothing from them', async () => {
  const { b, link, far, settle } = await linked();
  for (const stream of [7n, 8n, 9n]) b.links.take(FrameKind.introduction, stream, 0, Buffer.from('a'));
  expect([7n, 8n, 9n].map((stream) => b.links.knows(stream))).toEqual([false, false, true]);
  link.write(Buffer.from('as before'));
  await settle();
  expect(far).toMatchObject({ text: 'as before', ends: [] });
  expect(b.warnings).toEqual([]);
});

test('nor from a stream that the peer has begun anew while links of before were not over here', async () => {
  const { b, link, far, settle } = await linked();
  b.links.take(FrameKind.introduction, 1n, 0, Buffer.from('a'));
  b.links.take(FrameKind.packet, 1n, 1, Buffer.alloc(4));
  for (const stream of [7n, 8n]) b.links.take(FrameKind.introduction, stream, 0, Buffer.from('a'));
  expect([1n, 7n, 8n].map((stream) => b.links.knows(stream))).toEqual([true, false, true]);
  link.write(Buffer.from('as before'));
  await settle();
  expect(far).toMatchObject({ text: 'as before', ends: [] });
});

test('a frame that is missing ends the links of its peer on both sides, and both say so', async () => {
  const { a, b, near, link, far, settle } = await linked();
  link.write(Buffer.from('one'));
  await settle();
  link.write(Buffer.from('lost'));
  expect(b.frames.splice(0)).not.toHaveLength(0);
  link.write(Buffer.from('two'));
  await settle();
  expect(far.text).toBe('one');
  expect(far.ends).toMatchObject([{ code: 'ERR_FRAME' }]);
  expect(b.warnings).toEqual([expect.stringMatching(/^frame \d+ came from a where \d+ was due/)]);
  expect(near.ends).toHaveLength(1);
  expect(a.warnings).toEqual([]);
});

test('whoever is no peer is not introduced, and that is said', async () => {
  const { b } = await linked();
  b.links.take(FrameKind.introduction, 7n, 0, Buffer.from('nobody'));
  expect(b.links.knows(7n)).toBe(false);
  expect(b.warnings).toEqual(['a process with the inbox nobody wrote to b']);
});

test('frames of no stream, or of one that is over, are passed over', async () => {
  const { b, link, far, settle } = await linked();
  expect(b.links.knows(9n)).toBe(false);
  for (const kind of [FrameKind.packet, FrameKind.broken, 77]) b.links.take(kind, 9n, 1, Buffer.alloc(20));
  link.write(Buffer.from('unharmed'));
  await settle();
  expect(far).toMatchObject({ text: 'unharmed', ends: [] });
});

test('what one who has gone has written comes before the end', async () => {
  const { b, link, far } = await linked();
  link.write(Buffer.from('last words'));
  b.links.gone('a');
  expect(far).toMatchObject({ text: 'last words', ends: [undefined] });
});

test('the inbox is done with when the port is closed and the last link over, once', async () => {
  const { a, b, link, far, settle } = await linked();
  await b.links.close(() => {});
  await settle();
  expect(b.doneTimes).toBe(0);
  link.write(Buffer.from('still open'));
  await settle();
  expect(far.text).toBe('still open');
  await expect(Promise.all([a.links.connect('b', new Log()), settle()])).rejects.toMatchObject({
    code: 'ERR_PEER_DOWN',
  });
  link.close();
  await settle();
  expect(b.doneTimes).toBe(1);
  b.links.gone('a');
  await settle();
  expect(b.doneTimes).toBe(1);
});
