/**
 * What a schema says of the form of a value, and nothing else: no annotations, no ranges, no patterns. Two schemas with
 * the same shape make the same bytes.
 */

export type Literal = string | number | boolean | null;

export interface Field {
  readonly name: string;
  readonly shape: Shape;
  readonly optional: boolean;
}

export interface ObjectShape {
  readonly kind: 'object';
  /** In the order of the schema, which is that of the bytes and of the decoded object. */
  readonly fields: readonly Field[];
  /** Of the values of all other properties; null where there may be none. */
  readonly rest: Shape | null;
  /** What the names of all other properties must match at the sender; null for anything. */
  readonly pattern: string | null;
}

export interface TupleShape {
  readonly kind: 'tuple';
  readonly items: readonly Shape[];
  /** How many elements there are at least. */
  readonly least: number;
  /** Of the elements behind `items`; null where there may be none. */
  readonly rest: Shape | null;
}

export type Shape =
  | {
      readonly kind:
        | 'null'
        | 'undefined'
        | 'boolean'
        | 'integer'
        | 'number'
        | 'string'
        | 'bytes'
        | 'date'
        | 'bigint'
        /** The schema says nothing: MessagePack. */
        | 'open';
    }
  | { readonly kind: 'literal'; readonly values: readonly Literal[] }
  | { readonly kind: 'array'; readonly items: Shape }
  | TupleShape
  | ObjectShape
  | { readonly kind: 'union'; readonly members: readonly Shape[] }
  /** `Plan.named[to]`: what a `$ref` leads to. */
  | { readonly kind: 'ref'; readonly to: number };

export interface Plan {
  readonly root: Shape;
  readonly named: readonly Shape[];
}

/** One byte says which of so many. */
export const MOST_ALTERNATIVES = 248;

/** Whether the elements have their number before them. */
export function isCounted({ items, least, rest }: TupleShape): boolean {
  return rest !== null || least < items.length;
}

/** Bits at the start of an object: for each property whether it is there, if it need not be, and a boolean itself. */
export function headerBits({ fields }: ObjectShape): number {
  return fields.reduce(
    (bits, { optional, shape }) => bits + (optional ? 1 : 0) + (shape.kind === 'boolean' ? 1 : 0),
    0,
  );
}

/** Fewest bytes of a value, or less. */
export function leastBytes(shape: Shape, plan: Plan, seen: readonly number[] = []): number {
  const of = (inner: Shape): number => leastBytes(inner, plan, seen);
  const sum = (inner: readonly Shape[]): number => inner.reduce((bytes, each) => bytes + of(each), 0);
  switch (shape.kind) {
    case 'null':
    case 'undefined':
    case 'open':
    case 'bigint':
      return 0;
    case 'number':
    case 'date':
      return 8;
    case 'literal':
      return shape.values.length === 1 ? 0 : 1;
    case 'tuple':
      return (isCounted(shape) ? 1 : 0) + sum(shape.items.slice(0, shape.least));
    case 'object': {
      const needed = shape.fields.filter((field) => !field.optional && field.shape.kind !== 'boolean');
      const header = Math.ceil(headerBits(shape) / 8);
      return header + sum(needed.map((field) => field.shape)) + (shape.rest === null ? 0 : 1);
    }
    case 'union':
      return 1 + Math.min(...shape.members.map(of));
    case 'ref':
      return seen.includes(shape.to)
        ? 0
        : leastBytes(plan.named[shape.to] as Shape, plan, [...seen, shape.to]);
    default:
      return 1;
  }
}

/** An element that may take no bytes gets one: so no count can announce more than the bytes that follow. */
export function isPadded(shape: Shape, plan: Plan): boolean {
  return leastBytes(shape, plan) === 0;
}

/** How many containers a value nests at most, as far as the next `$ref`. */
export function nesting(shape: Shape): number {
  const deepest = (shapes: readonly Shape[]): number =>
    shapes.reduce((most, each) => Math.max(most, nesting(each)), 0);
  const withRest = (shapes: readonly Shape[], rest: Shape | null): number =>
    1 + deepest(rest === null ? shapes : [...shapes, rest]);
  switch (shape.kind) {
    case 'array':
      return 1 + nesting(shape.items);
    case 'tuple':
      return withRest(shape.items, shape.rest);
    case 'object':
      return withRest(
        shape.fields.map((field) => field.shape),
        shape.rest,
      );
    case 'union':
      return deepest(shape.members);
    default:
      return 0;
  }
}

/**
 * What a value counts against `maxNodes`, keys included, as far as the next `$ref`, and without what is counted as it
 * comes: elements of arrays, and properties that the schema does not name. Optional properties count as if they were there.
 */
export function nodesOf(shape: Shape): number {
  switch (shape.kind) {
    case 'tuple':
      return shape.items.reduce((nodes, each) => nodes + nodesOf(each), 1);
    case 'object':
      return shape.fields.reduce((nodes, field) => nodes + 1 + nodesOf(field.shape), 1);
    case 'union':
      return shape.members.reduce((most, each) => Math.max(most, nodesOf(each)), 0);
    case 'ref':
      return 0;
    default:
      return 1;
  }
}

/** Whether any part is left to MessagePack. */
export function isOpen(plan: Plan): boolean {
  const open = (shape: Shape): boolean => {
    switch (shape.kind) {
      case 'open':
      case 'bigint':
        return true;
      case 'array':
        return open(shape.items);
      case 'tuple':
        return shape.items.some(open) || (shape.rest !== null && open(shape.rest));
      case 'object':
        return shape.fields.some((field) => open(field.shape)) || (shape.rest !== null && open(shape.rest));
      case 'union':
        return shape.members.some(open);
      default:
        return false;
    }
  };
  return [plan.root, ...plan.named].some(open);
}
