/** A body is decoded by the codec that verified it, or not at all. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Codec, CodecId } from '../src/codec.js';
import { createRuntime, mailbox, type Runtime } from '../src/index.js';

async function runtimes(): Promise<[Runtime, Runtime]> {
  const namespace = `codec-${Math.random().toString(36).slice(2)}`;
  const make = async (name: string): Promise<Runtime> => {
    const runtime = await createRuntime({
      name,
      namespace,
      transport: 'memory',
      logger: false,
      config: false,
    });
    onTestFinished(async () => void (await runtime.close()));
    return runtime;
  };
  return [await make('a'), await make('b')];
}

/** Sends text backwards; verifies that it begins with a letter. */
function custom(calls: string[]): Codec {
  return {
    name: 'backwards',
    id: CodecId.custom,
    encode: (body) => Buffer.from([...String(body)].reverse().join('')),
    decode: (bytes) => {
      calls.push('decode');
      return [...Buffer.from(bytes).toString()].reverse().join('');
    },
    verify: (bytes, { maxMessageBytes }) => {
      calls.push(`verify within ${maxMessageBytes}`);
      if (!/^[a-z]/.test(Buffer.from(bytes).toString())) throw new Error('it begins with no letter');
    },
  };
}

describe('a message of a custom codec', () => {
  test('is verified within the limits before it is decoded', async () => {
    const [a, b] = await runtimes();
    const calls: string[] = [];
    const box = mailbox<string>('m', { codec: custom(calls) });
    const receiver = await b.receiver(box);
    await a.send(box, 'hello');
    expect((await receiver.receive()).body).toBe('hello');
    expect(calls).toEqual(['verify within 16777216', 'decode']);
  });

  test('that its codec refuses is ERR_CORRUPT, and never decoded', async () => {
    const [a, b] = await runtimes();
    const calls: string[] = [];
    const box = mailbox<string>('m', { codec: custom(calls) });
    const receiver = await b.receiver(box);
    await a.send(box, 'hell0');
    await expect(receiver.receive()).rejects.toMatchObject({
      code: 'ERR_CORRUPT',
      cause: { message: 'it begins with no letter' },
    });
    expect(calls).not.toContain('decode');
  });

  test('is ERR_CORRUPT for a receiver with another codec, which never sees it', async () => {
    const [a, b] = await runtimes();
    const receiver = await b.receiver(mailbox('m'));
    // As MessagePack this is a record of msgpackr's own.
    const hostile = Buffer.from('d4724092a161a1620102', 'hex');
    const codec: Codec = { ...custom([]), encode: () => hostile };
    await a.send(mailbox('m', { codec }), '');
    const refusal = receiver.receive();
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_CORRUPT' });
    await expect(refusal).rejects.toThrow(
      "encoded by a codec of its sender's own; this handle has codec 'msgpack'",
    );
  });
});
