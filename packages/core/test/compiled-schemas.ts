/** Schemas, and for each the values that it takes. */
import fc from 'fast-check';

export interface Sample {
  readonly schema: object | true;
  readonly value: unknown;
}

interface Typed {
  readonly schema: object | true;
  readonly values: fc.Arbitrary<unknown>;
}

const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    'x'.repeat(64),
    'x'.repeat(65),
    'é'.repeat(64),
    '\ufeffbom',
    '\ud800'.repeat(70),
    'ü'.repeat(300),
  ),
);

const integers = fc.oneof(
  fc.integer({ min: -300, max: 300 }),
  fc.maxSafeInteger(),
  fc.constantFrom(-0, 1e300, -(2 ** 32), -(2 ** 32) - 1, 2 ** 48 - 1, 2 ** 48, 65_535, 65_536, -256, -257),
);

const names = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 6 }) },
  fc.constantFrom('__proto__', 'constructor', 'toString', 'a"b', "a'b", '\u2028', '0', 'end', '`'),
);

const literals = fc.oneof(fc.string({ maxLength: 5 }), fc.integer(), fc.boolean(), fc.constant(null));

/** Whether it can be told from others: to node:assert an invalid date of Node.js 20 equals none, not even another invalid one. */
function comparable(value: unknown): boolean {
  if (value instanceof Date) return !Number.isNaN(value.getTime());
  if (value instanceof Map) return [...value].every(comparable);
  return typeof value !== 'object' || value === null || Object.values(value).every(comparable);
}

const scalars: readonly Typed[] = [
  { schema: { type: 'null' }, values: fc.constant(null) },
  { schema: { type: 'boolean' }, values: fc.boolean() },
  { schema: { type: 'integer', minimum: 0 }, values: integers },
  { schema: { type: 'number' }, values: fc.double() },
  { schema: { type: 'string', format: 'uuid' }, values: text },
  { schema: { type: ['string', 'null'] }, values: fc.option(text) },
  { schema: { type: ['integer', 'boolean'] }, values: fc.oneof(integers, fc.boolean()) },
  { schema: { type: 'Uint8Array' }, values: fc.uint8Array() },
  { schema: { type: 'Date' }, values: fc.date({ noInvalidDate: true }) },
  { schema: { type: 'bigint' }, values: fc.bigInt() },
  { schema: { type: 'undefined' }, values: fc.constant(undefined) },
  {
    schema: {},
    values: fc.anything({ withBigInt: true, withDate: true, withMap: true, maxDepth: 2 }).filter(comparable),
  },
  { schema: true, values: fc.jsonValue({ maxDepth: 2 }) },
];

function put(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [name, value] of entries)
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  return object;
}

function objectOf(
  fields: readonly (readonly [string, Typed, boolean])[],
  rest: Typed | undefined,
  byPattern: boolean,
): Typed {
  const properties = put(fields.map(([name, { schema }]) => [name, schema]));
  const required = fields.filter(([, , needed]) => needed).map(([name]) => name);
  const others =
    rest === undefined
      ? { additionalProperties: false }
      : byPattern
        ? { patternProperties: { '^other': rest.schema } }
        : { additionalProperties: rest.schema };
  const named = fields.map(([name, { values }, needed]) =>
    (needed ? values : fc.option(values, { nil: undefined })).map((value) =>
      value === undefined && !needed ? [] : [[name, value] as const],
    ),
  );
  const more =
    rest === undefined
      ? fc.constant([])
      : fc.uniqueArray(
          fc.tuple(
            names.map((name) => `other${name}`),
            rest.values,
          ),
          { maxLength: 3, selector: ([name]) => name },
        );
  return {
    schema: { type: 'object', properties, required, ...others },
    values: fc.tuple(fc.tuple(...named), more).map(([own, extra]) => put([...own.flat(1), ...extra])),
  };
}

const { typed } = fc.letrec<{ typed: Typed }>((tie) => ({
  typed: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...scalars),
    fc.uniqueArray(literals, { minLength: 1, maxLength: 50 }).map((values) => ({
      schema: { enum: values },
      values: fc.constantFrom(...values),
    })),
    tie('typed').map(({ schema, values }) => ({
      schema: { type: 'array', items: schema },
      values: fc.array(values, { maxLength: 5 }),
    })),
    fc.array(tie('typed'), { maxLength: 3 }).map((items) => ({
      schema: {
        type: 'array',
        prefixItems: items.map((each) => each.schema),
        minItems: items.length,
        items: false,
      },
      values: fc.tuple(...items.map((each) => each.values)),
    })),
    fc.tuple(tie('typed'), tie('typed')).map(([first, rest]) => ({
      schema: { type: 'array', items: [first.schema], additionalItems: rest.schema },
      values: fc.oneof(
        fc.constant([]),
        fc.tuple(first.values, fc.array(rest.values, { maxLength: 3 })).map(([one, more]) => [one, ...more]),
      ),
    })),
    fc.array(tie('typed'), { minLength: 1, maxLength: 3 }).map((members) => ({
      schema: { anyOf: members.map((each) => each.schema) },
      values: fc.oneof(...members.map((each) => each.values)),
    })),
    fc
      .tuple(
        fc.uniqueArray(fc.tuple(names, tie('typed'), fc.boolean()), {
          maxLength: 10,
          selector: ([name]) => name,
        }),
        fc.option(tie('typed'), { nil: undefined }),
        fc.boolean(),
      )
      .filter(([fields, rest]) => rest === undefined || fields.every(([name]) => !name.startsWith('other')))
      .map((of) => objectOf(...of)),
  ) as fc.Arbitrary<Typed>,
}));

/** A schema and a value that it takes. */
export const samples: fc.Arbitrary<Sample> = typed.chain(({ schema, values }) =>
  values.map((value) => ({ schema, value })),
);

/** A schema and two values that it takes. */
export const pairs: fc.Arbitrary<{ schema: object | true; values: readonly unknown[] }> = typed.chain(
  ({ schema, values }) =>
    fc.array(values, { minLength: 1, maxLength: 3 }).map((all) => ({ schema, values: all })),
);

export const orderSchema = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    type: { type: 'string' },
    customer: { type: 'string' },
    items: {
      type: 'array',
      items: {
        type: 'object',
        properties: { sku: { type: 'string' }, qty: { type: 'integer' }, price: { type: 'number' } },
        required: ['sku', 'qty', 'price'],
      },
    },
    total: { type: 'number' },
    ts: { type: 'integer' },
  },
  required: ['id', 'type', 'customer', 'items', 'total', 'ts'],
} as const;

export const order = {
  id: 12345,
  type: 'order.created',
  customer: 'c-991',
  items: [{ sku: 'A1', qty: 2, price: 9.99 }],
  total: 19.98,
  ts: 1700000000000,
};
