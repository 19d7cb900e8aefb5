/** The encoder where code may not be generated: a function for each part of the plan. It writes what `write-source.ts` writes. */
import { type Choose, chooser } from './choice.js';
import { writeCount, writeDouble, writeInteger } from './numbers.js';
import {
  headerBits,
  isCounted,
  isPadded,
  nesting,
  nodesOf,
  type ObjectShape,
  type Plan,
  type Shape,
  type TupleShape,
} from './shape.js';
import { misfit, type State } from './state.js';
import { writeText } from './text.js';
import { arrayOf, isRecord, onlyNamed, otherKeys, property, writeBytes, writeDate } from './values.js';

/** Writes `value` at `at` and answers where it ends; `depth` is how many containers are around it. */
export type Write = (target: Uint8Array, at: number, value: unknown, state: State, depth: number) => number;

export function writeClosures(plan: Plan): Write {
  const named: Write[] = plan.named.map(() => () => 0);
  const make = new Closures(plan, named);
  for (const [i, shape] of plan.named.entries()) named[i] = make.entered(shape);
  return make.entered(plan.root);
}

class Closures {
  constructor(
    private readonly plan: Plan,
    private readonly named: readonly Write[],
  ) {}

  /** Counts what is fixed, and the depth. */
  entered(shape: Shape): Write {
    const write = this.write(shape);
    const [levels, nodes] = [nesting(shape), nodesOf(shape)];
    return (target, at, value, state, depth) => {
      state.reach(depth + levels);
      state.count(nodes);
      return write(target, at, value, state, depth);
    };
  }

  private write(shape: Shape): Write {
    switch (shape.kind) {
      case 'null':
        return exactly(null);
      case 'undefined':
        return exactly(undefined);
      case 'boolean':
        return writeBoolean;
      case 'integer':
        return writeInteger;
      case 'number':
        return writeDouble;
      case 'string':
        return writeText;
      case 'bytes':
        return writeBytes;
      case 'date':
        return writeDate;
      case 'bigint':
        return writeBigint;
      case 'open':
        return writeOpen;
      case 'literal':
        return literal(shape.values);
      case 'array': {
        const [items, nodes] = [this.element(shape.items), nodesOf(shape.items)];
        return (target, at, value, state, depth) =>
          writeElements(target, at, arrayOf(value), state, depth, nodes, () => items);
      }
      case 'tuple':
        return this.tuple(shape);
      case 'object':
        return this.object(shape);
      case 'union':
        return union(
          chooser(shape.members, this.plan),
          shape.members.map((member) => this.write(member)),
        );
      case 'ref':
        return (...all) => (this.named[shape.to] as Write)(...all);
    }
  }

  /** An element of an array, or a value beside those that are named. */
  private element(shape: Shape): Write {
    const write = this.write(shape);
    if (!isPadded(shape, this.plan)) return write;
    return (target, at, value, state, depth) => {
      target[at] = 0;
      return write(target, at + 1, value, state, depth);
    };
  }

  private tuple(shape: TupleShape): Write {
    const { least, items } = shape;
    if (!isCounted(shape)) {
      const writes = items.map((item) => this.write(item));
      return (target, at, value, state, depth) => {
        const array = arrayOf(value);
        if (array.length !== writes.length) throw misfit;
        let next = at;
        for (const [i, write] of writes.entries()) next = write(target, next, array[i], state, depth + 1);
        return next;
      };
    }
    const writes = items.map((item) => this.element(item));
    const rest = shape.rest === null ? undefined : this.element(shape.rest);
    const nodes = shape.rest === null ? 0 : nodesOf(shape.rest);
    return (target, at, value, state, depth) => {
      const array = arrayOf(value);
      if (array.length < least || (rest === undefined && array.length > writes.length)) throw misfit;
      return writeElements(target, at, array, state, depth, nodes, (i) => (writes[i] ?? rest) as Write);
    };
  }

  private object(shape: ObjectShape): Write {
    const names = new Set(shape.fields.map((field) => field.name));
    const writes = shape.fields.map((field) => this.write(field.shape));
    const rest = shape.rest === null ? undefined : this.element(shape.rest);
    const nodes = shape.rest === null ? 0 : 1 + nodesOf(shape.rest);
    const pattern = shape.pattern === null ? null : new RegExp(shape.pattern, 'u');
    return (target, at, value, state, depth) => {
      if (!isRecord(value)) throw misfit;
      const values = shape.fields.map((field) => property(value, field.name));
      checkPresent(shape, value, values);
      if (rest === undefined) onlyNamed(value, names);
      let next = writeHeader(target, at, shape, values);
      for (const [i, { optional, shape: of }] of shape.fields.entries())
        if (of.kind !== 'boolean' && !(optional && values[i] === undefined))
          next = (writes[i] as Write)(target, next, values[i], state, depth + 1);
      if (rest === undefined) return next;
      const keys = otherKeys(value, names, pattern);
      state.count(keys.length * nodes);
      next = writeCount(target, next, keys.length);
      for (const key of keys) {
        next = writeText(target, next, key);
        next = rest(target, next, value[key], state, depth + 1);
      }
      return next;
    };
  }
}

function writeElements(
  target: Uint8Array,
  at: number,
  array: readonly unknown[],
  state: State,
  depth: number,
  nodes: number,
  writeOf: (index: number) => Write,
): number {
  const { length } = array;
  state.count(length * nodes);
  let next = writeCount(target, at, length);
  for (let i = 0; i < length; i++) next = writeOf(i)(target, next, array[i], state, depth + 1);
  return next;
}

/** Throws `misfit` for a property that has to be there and is not. That its value is `undefined` may be in order. */
function checkPresent({ fields }: ObjectShape, record: object, values: readonly unknown[]): void {
  for (const [i, { name, optional }] of fields.entries())
    if (values[i] === undefined && !optional && !Object.hasOwn(record, name)) throw misfit;
}

function writeHeader(target: Uint8Array, at: number, shape: ObjectShape, values: readonly unknown[]): number {
  const header = new Uint8Array(Math.ceil(headerBits(shape) / 8));
  let bit = 0;
  const put = (set: boolean): void => {
    if (set) header[bit >> 3] = (header[bit >> 3] as number) | (1 << (bit & 7));
    bit++;
  };
  for (const [i, field] of shape.fields.entries()) {
    const value = values[i];
    if (field.optional) put(value !== undefined);
    if (field.shape.kind !== 'boolean') continue;
    if (typeof value !== 'boolean' && !(field.optional && value === undefined)) throw misfit;
    put(value === true);
  }
  for (const [i, byte] of header.entries()) target[at + i] = byte;
  return at + header.length;
}

const exactly =
  (only: null | undefined): Write =>
  (_target, at, value) => {
    if (value !== only) throw misfit;
    return at;
  };

const writeBoolean: Write = (target, at, value) => {
  if (typeof value !== 'boolean') throw misfit;
  target[at] = value ? 1 : 0;
  return at + 1;
};

const writeOpen: Write = (_target, at, value, state) => {
  state.open.push(value);
  return at;
};

const writeBigint: Write = (_target, at, value, state) => {
  if (typeof value !== 'bigint') throw misfit;
  state.open.push(value);
  return at;
};

function literal(values: readonly unknown[]): Write {
  if (values.length === 1)
    return (_target, at, value) => {
      if (value !== values[0]) throw misfit;
      return at;
    };
  const indices = new Map(values.map((value, i) => [value, i]));
  return (target, at, value) => {
    const index = indices.get(value);
    if (index === undefined) throw misfit;
    return writeCount(target, at, index);
  };
}

function union(choose: Choose, writes: readonly Write[]): Write {
  return (target, at, value, state, depth) => {
    const index = choose(value);
    if (index < 0) throw misfit;
    target[at] = index;
    return (writes[index] as Write)(target, at + 1, value, state, depth);
  };
}
