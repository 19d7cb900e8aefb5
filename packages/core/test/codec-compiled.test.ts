/** What a compiled codec takes, refuses and says; and that it needs no generated code. */

import { deepStrictEqual } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, expectTypeOf, onTestFinished, test } from 'vitest';
import { CompiledCodec } from '../src/codec/compiled/compiled.js';
import { interpreted } from '../src/codec/compiled/program.js';
import { planOf } from '../src/codec/compiled/schema.js';
import { type Codec, defaultLimits as limits } from '../src/codec.js';
import { compiled, createRuntime, type MailboxAddress, mailbox, type Runtime } from '../src/index.js';
import { order, orderSchema } from './compiled-schemas.js';

type Order = typeof order;

/** A schema as TypeBox makes it: JSON Schema, and symbols beside it. */
const kind = Symbol.for('TypeBox.Kind');
const boxed = {
  [kind]: 'Object',
  type: 'object',
  required: ['id', 'state'],
  properties: {
    id: { [kind]: 'String', type: 'string', format: 'uuid' },
    state: {
      [kind]: 'Union',
      anyOf: [
        { [kind]: 'Literal', const: 'open', type: 'string' },
        { [kind]: 'Literal', const: 'shut', type: 'string' },
      ],
    },
    tags: {
      [kind]: 'Record',
      [Symbol.for('TypeBox.Optional')]: 'Optional',
      type: 'object',
      patternProperties: { '^(.*)$': { [kind]: 'Integer', type: 'integer' } },
    },
  },
};

const tree = {
  $id: 'Tree',
  type: 'object',
  properties: { value: { type: 'number' }, children: { type: 'array', items: { $ref: 'Tree' } } },
  required: ['value', 'children'],
};

function roundTrip(codec: Codec, value: unknown): unknown {
  const bytes = codec.encode(value, limits);
  codec.verify(bytes, limits);
  return codec.decode(bytes);
}

async function runtimes(): Promise<[Runtime, Runtime]> {
  const namespace = `compiled-${Math.random().toString(36).slice(2)}`;
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

describe('what it takes', () => {
  test('an order is 55 bytes', () => {
    const codec = compiled(orderSchema);
    expect(codec.encode(order, limits)).toHaveLength(55);
    deepStrictEqual(roundTrip(codec, order), order);
  });

  test('a schema of TypeBox', () => {
    const value = { id: 'a', state: 'shut', tags: { x: 1, ['__proto__']: 2 } };
    deepStrictEqual(roundTrip(compiled(boxed), value), value);
    expect(() => compiled(boxed).encode({ id: 'a', state: 'ajar' }, limits)).toThrow(
      'body.state must be one of "open", "shut"; it is "ajar"',
    );
  });

  test('one that refers to itself, as deep as the limits allow', () => {
    const codec = compiled(tree);
    const grown = (depth: number): unknown => ({
      value: depth,
      children: depth === 0 ? [] : [grown(depth - 1)],
    });
    deepStrictEqual(roundTrip(codec, grown(20)), grown(20));
    const cyclic = { value: 1, children: [] as unknown[] };
    cyclic.children.push(cyclic);
    for (const body of [grown(100), cyclic])
      expect(() => codec.encode(body, limits)).toThrow(
        expect.objectContaining({ code: 'ERR_UNSERIALIZABLE' }),
      );
    const deep = codec.encode(grown(60), limits);
    expect(() => codec.verify(deep, { ...limits, maxDepth: 20 })).toThrow(
      expect.objectContaining({ code: 'ERR_FRAME', message: expect.stringContaining('maxDepth (20') }),
    );
  });

  test('a Standard Schema that gives a JSON Schema', () => {
    const standard = {
      '~standard': {
        version: 1 as const,
        vendor: 'mine',
        jsonSchema: { input: () => ({}), output: () => ({ type: 'integer' }) },
      },
    };
    expect(compiled(standard).encode(5, limits)).toHaveLength(5);
    expect(() => compiled({ '~standard': { version: 1, vendor: 'mine' } })).toThrow(
      'the schema of "mine" gives no JSON Schema',
    );
  });
});

describe('what it refuses', () => {
  test.each<[unknown, string, string]>([
    [{ ...order, id: 'x' }, 'ERR_SCHEMA', 'body.id must be an integer; it is "x"'],
    [{ ...order, id: 1.5 }, 'ERR_SCHEMA', 'body.id must be an integer; it is 1.5'],
    [{ ...order, more: 1 }, 'ERR_SCHEMA', 'body.more is no property that the schema names'],
    [{ ...order, items: [{ sku: 'a', qty: 1 }] }, 'ERR_SCHEMA', 'body.items[0].price is missing'],
    [{ ...order, items: new Map() }, 'ERR_SCHEMA', 'body.items must be an array'],
    [{ ...order, total: () => 1 }, 'ERR_SCHEMA', 'body.total must be a number; it is a function'],
    [new Map(), 'ERR_SCHEMA', 'body must be an object'],
    [undefined, 'ERR_SCHEMA', 'body must be an object; it is undefined'],
  ])('body %#', (body, code, message) => {
    expect(() => compiled(orderSchema).encode(body, limits)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  test('what MessagePack refuses, in a part that is left open', () => {
    const codec = compiled({ type: 'object', properties: { any: {} }, required: ['any'] });
    expect(() => codec.encode({ any: { f: () => 1 } }, limits)).toThrow(
      expect.objectContaining({
        code: 'ERR_UNSERIALIZABLE',
        message: expect.stringMatching(/^body\.any\.f is a function/),
      }),
    );
  });

  test('a required property that may only be undefined and is not there; the next alternative takes the body', () => {
    const named = { type: 'object', properties: { gone: { type: 'undefined' } }, required: ['gone'] };
    expect(() => compiled(named).encode({}, limits)).toThrow(
      expect.objectContaining({
        code: 'ERR_SCHEMA',
        message: expect.stringContaining('body.gone is missing'),
      }),
    );
    const either = compiled({ anyOf: [named, {}] });
    for (const body of [{}, { gone: undefined }])
      deepStrictEqual(either.decode(either.encode(body, limits)), body);
  });

  test.each<[object, string]>([
    [{ type: 'object', properties: { x: { not: {} } } }, '#/properties/x/not'],
    [{ type: 'array', items: { $ref: '#/$defs/y' } }, '#/items/$ref'],
    [{ type: 'strin' }, '#/type of the schema is "strin"'],
    [{ $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }, 'leads back to itself'],
    [{ enum: [{}] }, '#/enum'],
    [{ type: 'object', patternProperties: { '(': {} } }, '#/patternProperties'],
  ])('schema %#', (schema, message) => {
    expect(() => compiled(schema)).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringContaining(message) }),
    );
  });

  test('counts that more bytes would have to follow, before anything is made', () => {
    const codec = compiled({ type: 'array', items: { type: 'null' } });
    const bytes = Buffer.concat([codec.encode([], limits).subarray(0, 4), Buffer.from('faffffffff', 'hex')]);
    expect(() => codec.decode(bytes)).toThrow('the body ends early');
    expect(() => codec.encode(new Array(2 ** 20).fill(null), limits)).toThrow(
      expect.objectContaining({ code: 'ERR_TOO_LARGE' }),
    );
  });

  test('bodies beyond maxMessageBytes, at both ends', () => {
    const codec = compiled({ type: 'string' });
    const tight = { ...limits, maxMessageBytes: 100 };
    expect(() => codec.encode('x'.repeat(100), tight)).toThrow(
      expect.objectContaining({ code: 'ERR_TOO_LARGE' }),
    );
    expect(() => codec.verify(codec.encode('x'.repeat(100), limits), tight)).toThrow(
      'exceed maxMessageBytes (100)',
    );
  });
});

test('a named property that is not enumerable hides none that is not named', () => {
  const plan = planOf(orderSchema);
  for (const codec of [compiled(orderSchema), new CompiledCodec(plan, interpreted(plan))]) {
    const hidden = Object.defineProperty({ ...order }, 'id', { enumerable: false });
    deepStrictEqual(roundTrip(codec, hidden), order);
    expect(() => codec.encode({ ...order, lost: 1 }, limits)).toThrow('body.lost is no property');
    const both = Object.defineProperty({ ...order, lost: 1 }, 'id', { enumerable: false });
    expect(() => codec.encode(both, limits)).toThrow('body.lost is no property');
    const reversed = Object.fromEntries(Object.entries(order).reverse());
    deepStrictEqual(roundTrip(codec, reversed), order);
  }
});

test('numbers as names that the schema does not give arrive, near and far', () => {
  const schema = { type: 'object', additionalProperties: { type: 'integer' } };
  const plan = planOf(schema);
  const body = { 0: 0, 7: 1, 1000: 2, 5000: 3, 4294967294: 4, 4294967295: 5, '01000': 6 };
  for (const codec of [compiled(schema), new CompiledCodec(plan, interpreted(plan))]) {
    const arrived = roundTrip(codec, body) as object;
    deepStrictEqual(arrived, body);
    expect(Object.keys(arrived)).toEqual(Object.keys(body));
  }
});

test('a getter that encodes in its turn disturbs nothing', () => {
  const codec = compiled({
    type: 'object',
    properties: { a: { type: 'string' }, b: {} },
    required: ['a', 'b'],
  });
  const body = {
    a: 'outer',
    get b() {
      return Buffer.from(codec.encode({ a: 'inner', b: 1 }, limits)).toString('hex');
    },
  };
  deepStrictEqual(roundTrip(codec, body), { a: body.a, b: body.b });
});

describe('in a mailbox', () => {
  test('orders arrive, and the type is the one that was named', async () => {
    const [a, b] = await runtimes();
    const box = mailbox<Order>('orders', { codec: compiled(orderSchema) });
    expectTypeOf(box).toEqualTypeOf<MailboxAddress<Order, Order>>();
    const [tx, rx] = [await a.sender(box), await b.receiver(box)];
    await tx.sendMany([order, order]);
    expect((await rx.receiveMany()).map(({ body }) => body)).toEqual([order, order]);
    await expect(tx.send({ ...order, id: 'x' } as unknown as Order)).rejects.toMatchObject({
      code: 'ERR_SCHEMA',
    });
  });

  test('a receiver with another schema is told both fingerprints', async () => {
    const [a, b] = await runtimes();
    const [mine, other] = [compiled(orderSchema), compiled({ ...orderSchema, required: ['id'] })];
    const rx = await b.receiver(mailbox('orders', { codec: other }));
    await a.send(mailbox<Order>('orders', { codec: mine }), order);
    const refusal = rx.receive();
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_CORRUPT', cause: { code: 'ERR_FRAME' } });
    for (const { name } of [mine, other]) await expect(refusal).rejects.toThrow(name.slice(-8));
  });
});

test('works, and writes the same, where no code may be generated', () => {
  const dist = fileURLToPath(new URL('../dist/index.js', import.meta.url));
  const script = `
    import { compiled } from ${JSON.stringify(dist)};
    let allowed = true;
    try { new Function(''); } catch { allowed = false; }
    const codec = compiled(${JSON.stringify(orderSchema)});
    const bytes = codec.encode(${JSON.stringify(order)}, ${JSON.stringify(limits)});
    console.log(JSON.stringify([allowed, Buffer.from(bytes).toString('hex'), codec.decode(bytes)]));`;
  const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script];
  const [allowed, hex, decoded] = JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' }));
  expect(allowed).toBe(false);
  expect(hex).toBe(Buffer.from(compiled(orderSchema).encode(order, limits)).toString('hex'));
  expect(decoded).toEqual(order);
});
