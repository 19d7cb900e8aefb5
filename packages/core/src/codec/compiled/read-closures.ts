/** The decoder where code may not be generated. It reads what `read-source.ts` reads, and refuses what that refuses. */
import { readCount, readDouble, readInteger } from './numbers.js';
import {
  headerBits,
  isCounted,
  isPadded,
  leastBytes,
  nesting,
  nodesOf,
  type ObjectShape,
  type Plan,
  type Shape,
  type TupleShape,
} from './shape.js';
import { early, odd, type State } from './state.js';
import { readText } from './text.js';
import { readBytes, readElements, setOther, setOwn, skipPadding } from './values.js';

/** Reads a value at `at` and leaves in `state.at` where it ends; `depth` is how many containers are around it. */
export type Read = (bytes: Uint8Array, at: number, end: number, state: State, depth: number) => unknown;

export function readClosures(plan: Plan): Read {
  const named: Read[] = plan.named.map(() => () => undefined);
  const make = new Closures(plan, named);
  for (const [i, shape] of plan.named.entries()) named[i] = make.entered(shape);
  return make.entered(plan.root);
}

class Closures {
  constructor(
    private readonly plan: Plan,
    private readonly named: readonly Read[],
  ) {}

  entered(shape: Shape): Read {
    const read = this.read(shape);
    const [levels, nodes] = [nesting(shape), nodesOf(shape)];
    return (bytes, at, end, state, depth) => {
      state.reach(depth + levels);
      state.count(nodes);
      return read(bytes, at, end, state, depth);
    };
  }

  private read(shape: Shape): Read {
    switch (shape.kind) {
      case 'null':
        return without(() => null);
      case 'undefined':
        return without(() => undefined);
      case 'boolean':
        return readBoolean;
      case 'integer':
        return readInteger;
      case 'number':
        return readNumber;
      case 'string':
        return readText;
      case 'bytes':
        return readBytes;
      case 'date':
        return (bytes, at, end, state) => new Date(readNumber(bytes, at, end, state));
      case 'bigint':
        return without((state, at) => state.takeBigint(at));
      case 'open':
        return without((state, at) => state.take(at));
      case 'literal':
        return literal(shape.values);
      case 'array': {
        const [items, nodes] = [this.element(shape.items), nodesOf(shape.items)];
        const least = Math.max(1, leastBytes(shape.items, this.plan));
        return (bytes, at, end, state, depth) => {
          const count = readElements(bytes, at, end, state, least, nodes);
          const array = new Array<unknown>(count);
          for (let i = 0; i < count; i++) array[i] = items(bytes, state.at, end, state, depth + 1);
          return array;
        };
      }
      case 'tuple':
        return this.tuple(shape);
      case 'object':
        return this.object(shape);
      case 'union':
        return union(shape.members.map((member) => this.read(member)));
      case 'ref':
        return (...all) => (this.named[shape.to] as Read)(...all);
    }
  }

  private element(shape: Shape): Read {
    const read = this.read(shape);
    if (!isPadded(shape, this.plan)) return read;
    return (bytes, at, end, state, depth) => read(bytes, skipPadding(bytes, at, end), end, state, depth);
  }

  private tuple(shape: TupleShape): Read {
    const { items, least } = shape;
    const counted = isCounted(shape);
    const reads = items.map((item) => (counted ? this.element(item) : this.read(item)));
    const rest = shape.rest === null ? undefined : this.element(shape.rest);
    const nodes = shape.rest === null ? 0 : nodesOf(shape.rest);
    return (bytes, at, end, state, depth) => {
      state.at = at;
      const count = counted ? readElements(bytes, at, end, state, 1, nodes) : reads.length;
      if (count < least || (rest === undefined && count > reads.length))
        throw odd(at, `a tuple has ${count} elements`);
      const array = new Array<unknown>(count);
      for (let i = 0; i < count; i++)
        array[i] = ((reads[i] ?? rest) as Read)(bytes, state.at, end, state, depth + 1);
      return array;
    };
  }

  private object(shape: ObjectShape): Read {
    const names = new Set(shape.fields.map((field) => field.name));
    const reads = shape.fields.map((field) => this.read(field.shape));
    const rest = shape.rest === null ? undefined : this.element(shape.rest);
    const restNodes = shape.rest === null ? 0 : 1 + nodesOf(shape.rest);
    const restLeast = shape.rest === null ? 0 : 1 + Math.max(1, leastBytes(shape.rest, this.plan));
    return (bytes, at, end, state, depth) => {
      const isSet = readHeader(bytes, at, end, state, headerBits(shape));
      const record: Record<string, unknown> = {};
      for (const [i, { name, optional, shape: of }] of shape.fields.entries()) {
        const there = !optional || isSet();
        const isTrue = of.kind === 'boolean' && isSet();
        if (isTrue && !there) throw odd(at, 'a value is there for a property that is not');
        if (!there) continue;
        const value =
          of.kind === 'boolean' ? isTrue : (reads[i] as Read)(bytes, state.at, end, state, depth + 1);
        setOwn(record, name, value);
      }
      if (rest === undefined) return record;
      const count = readElements(bytes, state.at, end, state, restLeast, restNodes);
      let isSparse = false;
      for (let i = 0; i < count; i++) {
        const start = state.at;
        const key = readText(bytes, start, end, state);
        const value = rest(bytes, state.at, end, state, depth + 1);
        isSparse = setOther(record, names, key, value, start, isSparse);
      }
      return record;
    };
  }
}

/** The bits in order, one a call. */
function readHeader(bytes: Uint8Array, at: number, end: number, state: State, bits: number): () => boolean {
  const width = Math.ceil(bits / 8);
  if (end - at < width) throw early(at);
  if (bits % 8 !== 0 && (bytes[at + width - 1] as number) >> (bits % 8) !== 0)
    throw odd(at, 'bits are set that mean nothing');
  state.at = at + width;
  let bit = 0;
  return () => {
    const set = ((bytes[at + (bit >> 3)] as number) & (1 << (bit & 7))) !== 0;
    bit++;
    return set;
  };
}

const without =
  (value: (state: State, at: number) => unknown): Read =>
  (_bytes, at, _end, state) => {
    state.at = at;
    return value(state, at);
  };

const readBoolean: Read = (bytes, at, end, state) => {
  if (at >= end) throw early(at);
  const byte = bytes[at] as number;
  if (byte > 1) throw odd(at, `${byte} stands for a boolean`);
  state.at = at + 1;
  return byte === 1;
};

function readNumber(bytes: Uint8Array, at: number, end: number, state: State): number {
  const value = readDouble(bytes, at, end);
  state.at = at + 8;
  return value;
}

function literal(values: readonly unknown[]): Read {
  if (values.length === 1) return without(() => values[0]);
  return (bytes, at, end, state) => {
    const index = readCount(bytes, at, end, state);
    if (index >= values.length) throw odd(at, `${index} stands for one of ${values.length} values`);
    return values[index];
  };
}

function union(reads: readonly Read[]): Read {
  return (bytes, at, end, state, depth) => {
    if (at >= end) throw early(at);
    const read = reads[bytes[at] as number];
    if (read === undefined) throw odd(at, `${bytes[at]} stands for one of ${reads.length} alternatives`);
    return read(bytes, at + 1, end, state, depth);
  };
}
