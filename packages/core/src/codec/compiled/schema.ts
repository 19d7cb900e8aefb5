import type { StandardJSONSchemaV1 } from '@standard-schema/spec';
import { PigeonholeError, show } from '../../errors.js';
import { checkKeywords, isSchemaObject, type Json, type SchemaObject, schemaError } from './keywords.js';
import { mergeObjects } from './merging.js';
import { References } from './references.js';
import { type Field, type Literal, MOST_ALTERNATIVES, type Plan, type Shape } from './shape.js';

/** A JSON Schema: drafts 7 to 2020-12, TypeBox's own types included; or a Standard Schema that has one. */
export type JsonSchema = object | StandardJSONSchemaV1;

/** Throws `ERR_CONFIG` naming the place in the schema and the keyword. */
export function planOf(given: JsonSchema): Plan {
  const schema = jsonSchemaOf(given);
  const reading = new Reading(new References(schema));
  const root = reading.read(schema, '#');
  return { root, named: reading.named() };
}

/** Of a Standard Schema, what it puts out: that is what is sent. */
function jsonSchemaOf(given: JsonSchema): Json {
  const standard = (given as Partial<StandardJSONSchemaV1> | null)?.['~standard'];
  if (standard === undefined) return given as Json;
  if (typeof standard.jsonSchema?.output !== 'function')
    throw new PigeonholeError(
      'ERR_CONFIG',
      `compiled: the schema of ${show(standard.vendor)} gives no JSON Schema ('~standard'.jsonSchema); convert it with its own library and pass the result`,
    );
  return standard.jsonSchema.output({ target: 'draft-2020-12' }) as SchemaObject;
}

const scalars: Record<string, Shape> = {
  null: { kind: 'null' },
  boolean: { kind: 'boolean' },
  integer: { kind: 'integer' },
  number: { kind: 'number' },
  string: { kind: 'string' },
  // TypeBox's own.
  undefined: { kind: 'undefined' },
  void: { kind: 'undefined' },
  bigint: { kind: 'bigint' },
  Date: { kind: 'date' },
  Uint8Array: { kind: 'bytes' },
};

const objectKeywords = ['properties', 'required', 'additionalProperties', 'patternProperties'];
const arrayKeywords = ['items', 'prefixItems', 'additionalItems'];

class Reading {
  constructor(private readonly references: References) {}

  /** What the `$ref`s met so far lead to, and those that are met on the way. */
  named(): readonly Shape[] {
    return this.references.shapes((schema, path) => this.read(schema, path));
  }

  read(schema: Json, path: string): Shape {
    if (schema === true) return { kind: 'open' };
    if (!isSchemaObject(schema))
      throw schemaError(path, `is ${show(schema)}, which no value matches or which is no schema`);
    checkKeywords(schema, path);
    if (schema.$ref !== undefined) return { kind: 'ref', to: this.references.find(schema.$ref, path) };
    if (schema.const !== undefined) return this.literal([schema.const], `${path}/const`);
    if (schema.enum !== undefined) return this.literal(listOf(schema.enum, `${path}/enum`), `${path}/enum`);
    for (const keyword of ['anyOf', 'oneOf'] as const)
      if (schema[keyword] !== undefined) return this.alternatives(schema, keyword, path);
    if (schema.allOf !== undefined) return this.all(schema, path);
    return this.typed(schema, path);
  }

  private literal(values: readonly Json[], path: string): Shape {
    for (const value of values) {
      const scalar = value === null || typeof value === 'string' || typeof value === 'boolean';
      if (!scalar && !Number.isFinite(value))
        throw schemaError(path, `has ${show(value)}; only strings, numbers, booleans and null can be listed`);
    }
    const unique = [...new Set(values as readonly Literal[])];
    if (unique.length === 0 || unique.length >= 2 ** 16)
      throw schemaError(path, `lists ${unique.length} values; it may list 1 to 65535`);
    return unique.length === 1 && unique[0] === null ? { kind: 'null' } : { kind: 'literal', values: unique };
  }

  private alternatives(schema: SchemaObject, keyword: 'anyOf' | 'oneOf', path: string): Shape {
    for (const other of [
      ...objectKeywords,
      ...arrayKeywords,
      'allOf',
      keyword === 'anyOf' ? 'oneOf' : 'anyOf',
    ])
      if (schema[other] !== undefined)
        throw schemaError(`${path}/${other}`, `cannot stand beside ${keyword}`);
    const members = listOf(schema[keyword], `${path}/${keyword}`).map((each, i) =>
      this.read(each, `${path}/${keyword}/${i}`),
    );
    return this.union(members, `${path}/${keyword}`);
  }

  private union(members: readonly Shape[], path: string): Shape {
    const flat = members.flatMap((member) => (member.kind === 'union' ? member.members : [member]));
    if (flat.every((member) => member.kind === 'literal'))
      return this.literal(
        flat.flatMap((member) => member.values),
        path,
      );
    if (flat.length === 1) return flat[0] as Shape;
    if (flat.length === 0 || flat.length > MOST_ALTERNATIVES)
      throw schemaError(path, `has ${flat.length} alternatives; it may have 1 to ${MOST_ALTERNATIVES}`);
    return { kind: 'union', members: flat };
  }

  private all(schema: SchemaObject, path: string): Shape {
    const parts = listOf(schema.allOf, `${path}/allOf`).map((each, i) =>
      this.read(each, `${path}/allOf/${i}`),
    );
    if (objectKeywords.some((keyword) => schema[keyword] !== undefined))
      parts.push(this.object(schema, path));
    if (parts.length === 1) return parts[0] as Shape;
    return mergeObjects(
      parts.map((part) =>
        part.kind === 'ref' ? this.references.early(part.to, (...of) => this.read(...of)) : part,
      ),
      `${path}/allOf`,
    );
  }

  private typed(schema: SchemaObject, path: string): Shape {
    const { type } = schema;
    if (Array.isArray(type)) {
      const members = type.map((each) => this.typed({ ...schema, type: each }, path));
      return this.union(members, `${path}/type`);
    }
    const has = (keywords: readonly string[]): boolean =>
      keywords.some((keyword) => schema[keyword] !== undefined);
    if (type === 'object' || (type === undefined && has(objectKeywords))) return this.object(schema, path);
    if (type === 'array' || (type === undefined && has(arrayKeywords))) return this.array(schema, path);
    if (type === undefined) return { kind: 'open' };
    if (typeof type === 'string' && Object.hasOwn(scalars, type)) return scalars[type] as Shape;
    const known = ['object', 'array', ...Object.keys(scalars)].join(', ');
    throw schemaError(`${path}/type`, `is ${show(type)}; known are ${known}`);
  }

  private object(schema: SchemaObject, path: string): Shape {
    const { properties = {}, required = [], additionalProperties = false, patternProperties = {} } = schema;
    const needed = new Set(listOf(required, `${path}/required`));
    const fields = Object.entries(objectOf(properties, `${path}/properties`)).map(([name, of]): Field => {
      const shape = this.read(of as Json, `${path}/properties/${name}`);
      return { name, shape, optional: !needed.delete(name) };
    });
    for (const name of needed) fields.push({ name: String(name), shape: { kind: 'open' }, optional: false });
    const patterns = Object.entries(objectOf(patternProperties, `${path}/patternProperties`));
    if (patterns.length > 1 || (patterns.length === 1 && additionalProperties !== false))
      throw schemaError(
        `${path}/patternProperties`,
        'has more than one pattern, or additionalProperties beside it; one of them can be sent',
      );
    const [pattern, of = false] = patterns[0] ?? [null, additionalProperties];
    if (pattern !== null) checkPattern(pattern, `${path}/patternProperties`);
    const keyword = pattern === null ? 'additionalProperties' : `patternProperties/${pattern}`;
    const rest = of === false ? null : this.read(of, `${path}/${keyword}`);
    return { kind: 'object', fields, rest, pattern };
  }

  /** `items` with an array, and `additionalItems`, are of draft 7 and of TypeBox; `prefixItems` is of 2020-12. */
  private array(schema: SchemaObject, path: string): Shape {
    const { items, prefixItems, additionalItems, minItems = 0 } = schema;
    const [first, rest, keyword] =
      prefixItems !== undefined
        ? [prefixItems, items, 'items']
        : Array.isArray(items)
          ? [items, additionalItems, 'additionalItems']
          : [undefined, items, 'items'];
    if (first === undefined) return { kind: 'array', items: this.read(rest ?? true, `${path}/items`) };
    const at = `${path}/${prefixItems !== undefined ? 'prefixItems' : 'items'}`;
    const shapes = listOf(first, at).map((each, i) => this.read(each, `${at}/${i}`));
    return {
      kind: 'tuple',
      items: shapes,
      least: Math.min(Math.max(0, Number(minItems)), shapes.length),
      rest: rest === undefined || rest === false ? null : this.read(rest, `${path}/${keyword}`),
    };
  }
}

function listOf(value: Json | undefined, path: string): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[];
  throw schemaError(path, `is ${show(value)}; it must be an array`);
}

function objectOf(value: Json | undefined, path: string): SchemaObject {
  if (isSchemaObject(value)) return value;
  throw schemaError(path, `is ${show(value)}; it must be an object`);
}

function checkPattern(pattern: string, path: string): void {
  try {
    new RegExp(pattern, 'u');
  } catch (cause) {
    throw schemaError(
      path,
      `has ${show(pattern)}, which is no regular expression: ${(cause as Error).message}`,
    );
  }
}
