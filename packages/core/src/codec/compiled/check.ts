/**
 * Whether a value has a form, and if not, why and where. Slow beside the encoders, which only say that something is
 * wrong: it runs when they have, and to choose between alternatives that nothing simpler tells apart.
 */
import { codecFor, defaultLimits } from '../../codec.js';
import { type PigeonholeError, show } from '../../errors.js';
import { Refusal, refusalFrom, type Step } from '../refusal.js';
import type { Literal, ObjectShape, Plan, Shape, TupleShape } from './shape.js';
import { isRecord, property, Type, typeOf } from './values.js';

/** Deeper than any limit: a cycle was met. */
const DEEPEST = 600;

/** A schema can be such that each alternative has to be tried within each other. What takes more than this fits nothing. */
const MOST_VISITS = 2 ** 24;

const nothing = new Refusal('ERR_SCHEMA', 'does not fit');

export function fits(shape: Shape, value: unknown, plan: Plan): boolean {
  return new Check(plan, false).visit(shape, value, 0) === undefined;
}

/** What is wrong with a body; undefined if nothing is. */
export function reasonAgainst(body: unknown, plan: Plan): Refusal | undefined {
  return new Check(plan, true).visit(plan.root, body, 0);
}

class Check {
  #visits = 0;

  constructor(
    private readonly plan: Plan,
    private readonly explain: boolean,
  ) {}

  visit(shape: Shape, value: unknown, depth: number): Refusal | undefined {
    if (depth > DEEPEST) return this.refusal('nests too deeply', 'ERR_UNSERIALIZABLE');
    if (++this.#visits > MOST_VISITS)
      return this.refusal('fits so many alternatives in part that none can be chosen');
    switch (shape.kind) {
      case 'open':
        return this.open(value);
      case 'bigint':
        return typeof value === 'bigint' ? undefined : this.expected('a bigint', value);
      case 'integer':
        return Number.isInteger(value) ? undefined : this.expected('an integer', value);
      case 'bytes':
        return this.typed(Type.bytes, 'a Uint8Array', value);
      case 'date':
        return this.typed(Type.date, 'a Date', value);
      case 'literal':
        return shape.values.includes(value as Literal)
          ? undefined
          : this.expected(
              shape.values.length === 1 ? show(shape.values[0]) : `one of ${list(shape.values)}`,
              value,
            );
      case 'array':
        return Array.isArray(value)
          ? this.elements(value, () => shape.items, depth)
          : this.expected('an array', value);
      case 'tuple':
        return this.tuple(shape, value, depth);
      case 'object':
        return isRecord(value) ? this.object(shape, value, depth) : this.expected('an object', value);
      case 'union':
        return this.union(shape.members, value, depth);
      case 'ref':
        return this.visit(this.plan.named[shape.to] as Shape, value, depth);
      default:
        return this.typed(Type[shape.kind], article(shape.kind), value);
    }
  }

  private typed(type: number, expected: string, value: unknown): Refusal | undefined {
    return typeOf(value) === type ? undefined : this.expected(expected, value);
  }

  private tuple(shape: TupleShape, value: unknown, depth: number): Refusal | undefined {
    const { items, least, rest } = shape;
    if (!Array.isArray(value)) return this.expected('an array', value);
    if (value.length < least || (rest === null && value.length > items.length)) {
      const most = rest === null ? items.length : Number.POSITIVE_INFINITY;
      const right =
        least === most
          ? `${least}`
          : most === Number.POSITIVE_INFINITY
            ? `${least} or more`
            : `${least} to ${most}`;
      return this.refusal(`has ${value.length} elements; the schema gives ${right}`);
    }
    return this.elements(value, (index) => (items[index] ?? rest) as Shape, depth);
  }

  private elements(
    array: readonly unknown[],
    shapeOf: (index: number) => Shape,
    depth: number,
  ): Refusal | undefined {
    for (let index = 0; index < array.length; index++) {
      const refusal = this.part(array, index, shapeOf(index), () => array[index], depth);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  private object(shape: ObjectShape, record: Record<string, unknown>, depth: number): Refusal | undefined {
    for (const { name, shape: inner, optional } of shape.fields) {
      const refusal = this.part(record, name, inner, () => property(record, name), depth, optional);
      if (refusal !== undefined) return refusal;
    }
    const names = new Set(shape.fields.map((field) => field.name));
    const pattern = shape.pattern === null ? null : new RegExp(shape.pattern, 'u');
    for (const key of Object.keys(record)) {
      if (names.has(key)) continue;
      const refusal =
        shape.rest === null
          ? this.under(
              record,
              key,
              this.refusal('is no property that the schema names, and it allows no others'),
            )
          : pattern?.test(key) === false
            ? this.under(
                record,
                key,
                this.refusal(`does not match ${show(shape.pattern)}, as the name of a property`),
              )
            : this.part(record, key, shape.rest, () => record[key], depth);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  private part(
    owner: unknown,
    step: Step,
    shape: Shape,
    read: () => unknown,
    depth: number,
    optional = false,
  ): Refusal | undefined {
    let value: unknown;
    try {
      value = read();
    } catch (error) {
      return refusalFrom(error).under(owner, step);
    }
    if (value === undefined && optional) return undefined;
    const missing = value === undefined && typeof step === 'string' && !Object.hasOwn(owner as object, step);
    const refusal = missing ? this.refusal('is missing') : this.visit(shape, value, depth + 1);
    return this.under(owner, step, refusal);
  }

  private union(members: readonly Shape[], value: unknown, depth: number): Refusal | undefined {
    const refusals: Refusal[] = [];
    for (const member of members) {
      const refusal = this.visit(member, value, depth);
      if (refusal === undefined) return undefined;
      refusals.push(refusal);
    }
    if (!this.explain) return nothing;
    // The alternative that went furthest is the one that was meant.
    const closest = refusals.reduce((best, each) => (each.depth > best.depth ? each : best));
    return closest.depth > 0
      ? closest
      : this.refusal(`is ${show(value)}, which is none of the ${members.length} alternatives`);
  }

  private open(value: unknown): Refusal | undefined {
    if (!this.explain) return undefined;
    try {
      codecFor('msgpack').encode(value, defaultLimits);
      return undefined;
    } catch (error) {
      const { code, message } = error as PigeonholeError;
      if (code === 'ERR_TOO_LARGE') return undefined;
      return new Refusal(code, message.replace(/^body ?/, ''), false, error);
    }
  }

  private expected(what: string, value: unknown): Refusal {
    return this.explain ? this.refusal(`must be ${what}; it is ${describe(value)}`) : nothing;
  }

  private refusal(reason: string, code: 'ERR_SCHEMA' | 'ERR_UNSERIALIZABLE' = 'ERR_SCHEMA'): Refusal {
    return this.explain ? new Refusal(code, reason) : nothing;
  }

  private under(owner: unknown, step: Step, refusal: Refusal | undefined): Refusal | undefined {
    return refusal === undefined || !this.explain ? refusal : refusal.under(owner, step);
  }
}

function article(kind: string): string {
  return kind === 'null' || kind === 'undefined' ? kind : `a ${kind}`;
}

function list(values: readonly Literal[]): string {
  const shown = values.slice(0, 8).map(show).join(', ');
  return values.length > 8 ? `${shown}, … (${values.length} in all)` : shown;
}

function describe(value: unknown): string {
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  return Array.isArray(value) ? `an array: ${show(value)}` : show(value);
}
