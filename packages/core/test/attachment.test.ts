import { expect, test } from 'vitest';
import { PigeonholeError } from '../src/errors.js';
import { type Frame, FrameParser } from '../src/frame-parser.js';
import { FrameWriter, Kind, Reject } from '../src/framing.js';
import { Attachment, type AttachmentOwner } from '../src/hosted/attachment.js';
import type { Channels } from '../src/hosted/channels.js';
import { Receipts } from '../src/hosted/receipts.js';
import { SendOperation } from '../src/waiters.js';

const KiB = 1024;

/** An attachment whose frames go nowhere but into `frames()`: the kind and number of each. */
function attached(owner: Partial<AttachmentOwner> = {}) {
  const sent: string[] = [];
  const name = (kind: number): string => Object.entries(Kind).find(([, value]) => value === kind)?.[0] ?? '?';
  const parser = new FrameParser(({ kind, number }: Frame) => void sent.push(`${name(kind)} ${number}`));
  parser.limit = 2 ** 30;
  const writer = new FrameWriter((batch) => parser.push(batch, true));
  const session = {
    writer,
    peerName: 'host',
    receipts: new Receipts(() => true),
    schedule: () => {},
    write: (put: (writer: FrameWriter) => void) => put(writer),
  };
  const channels = { session, release: () => {} } as unknown as Channels;
  const attachment = new Attachment(channels, 1, 8, 'fifo', { label: 'm', detached: () => {}, ...owner });
  const frames = (): string[] => {
    writer.flush();
    return sent.splice(0);
  };
  return { attachment, frames };
}

function operation(size: number, wait = true): SendOperation {
  const body = Buffer.alloc(size);
  return new SendOperation({ body, codec: 0, from: 'self', type: 0, priority: 0, sentAt: 0 }, wait);
}

function send(attachment: Attachment, size: number, wait = true): SendOperation {
  const made = operation(size, wait);
  made.outcome().catch(() => {});
  attachment.send(made);
  return made;
}

test('a hundred thousand sends of nothing do not all go on the wire at once', () => {
  const { attachment, frames } = attached();
  for (let i = 0; i < 100_000; i++) send(attachment, 0);
  const first = frames().length;
  expect(first).toBe(Math.floor((256 * KiB) / 28));
  attachment.onAccept(0, 1000);
  expect(frames()).toHaveLength(1000);
});

test('a message larger than the window goes alone, and tries go past both', () => {
  const { attachment, frames } = attached();
  send(attachment, 1024 * KiB);
  send(attachment, 1);
  expect(frames()).toEqual(['send 0']);
  send(attachment, 1, false);
  expect(frames()).toEqual(['send 1']);
  attachment.onReject(1, Reject.full, undefined, undefined);
  expect(frames()).toEqual([]);
  attachment.onAccept(0, 1);
  expect(frames()).toEqual(['send 2']);
});

test('tries beyond 16,384 wait for answers, and are withdrawn or answered like the others', async () => {
  const { attachment, frames } = attached();
  const tries = Array.from({ length: 20_000 }, () => send(attachment, 0, false));
  expect(frames()).toHaveLength(16_384);
  const last = tries.at(-1) as SendOperation;
  const gaveUp = new Error('enough');
  last.giveUp(gaveUp, () => attachment.cancelSend(last));
  await expect(last.outcome()).rejects.toBe(gaveUp);
  for (let number = 0; number < 19_999; number++)
    attachment.onReject(number, Reject.full, undefined, undefined);
  expect(frames()).toHaveLength(20_000 - 1 - 16_384);
  expect(await (tries[19_998] as SendOperation).outcome()).toBe(false);
});

test('a send that came back from a host that closes is withdrawn at once', async () => {
  const { attachment, frames } = attached();
  const [back, , cancelled] = [send(attachment, 1), send(attachment, 1), send(attachment, 1)];
  cancelled?.giveUp(new Error('early'), () => attachment.cancelSend(cancelled));
  attachment.onReject(0, Reject.moved, undefined, undefined);
  attachment.onReject(2, Reject.moved, undefined, undefined);
  await expect(cancelled?.outcome()).rejects.toThrow('early');
  frames();
  const gaveUp = new Error('enough');
  back?.giveUp(gaveUp, () => attachment.cancelSend(back));
  expect(frames()).toEqual([]);
  await expect(back?.outcome()).rejects.toBe(gaveUp);
});

test('what comes back keeps its order where the numbers begin anew', () => {
  let orders: number[] = [];
  const { attachment } = attached({
    detached: (_, sends) => {
      orders = sends.map(({ order }) => order);
    },
  });
  const inFlight = (attachment as unknown as { inFlight: { oldest: number; next: number } }).inFlight;
  inFlight.oldest = inFlight.next = 2 ** 32 - 2;
  for (let i = 0; i < 4; i++) send(attachment, 1);
  for (const number of [0, 2 ** 32 - 1, 2 ** 32 - 2, 1])
    attachment.onReject(number, Reject.moved, undefined, undefined);
  expect(orders).toEqual([2 ** 32 - 2, 2 ** 32 - 1, 0, 1]);
});

test('an answer to nothing is ERR_FRAME', () => {
  expect(() => attached().attachment.onAccept(0, 1)).toThrow(PigeonholeError);
});

test('what a host had accepted is lost with it, and in doubt when it was giving the mailbox up', () => {
  const ends: unknown[] = [];
  const detached: AttachmentOwner['detached'] = (_, __, ___, lost, doubtful) =>
    void ends.push([lost, doubtful]);
  const accepted = (): Attachment => {
    const { attachment } = attached({ detached });
    for (let i = 0; i < 4; i++) send(attachment, 1);
    attachment.onAccept(0, 3);
    attachment.onProgress(1);
    return attachment;
  };
  accepted().down();
  const moving = accepted();
  moving.onMoved();
  moving.down();
  const moved = accepted();
  moved.onMoved();
  moved.onReject(3, Reject.moved, undefined, undefined);
  expect(ends).toEqual([
    [2, undefined],
    [null, 2],
    [null, undefined],
  ]);
});
