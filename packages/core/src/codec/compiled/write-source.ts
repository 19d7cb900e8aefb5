/** The encoder as JavaScript, for one schema: straight code, in which no name or value of the schema stands unquoted. */
import { type Choose, chooser } from './choice.js';
import {
  headerBits,
  isCounted,
  isPadded,
  type Literal,
  nesting,
  nodesOf,
  type ObjectShape,
  type Plan,
  type Shape,
  type TupleShape,
} from './shape.js';
import { isInherited } from './values.js';

/** Source, and the objects that it names as `K[0]`, `K[1]`, … */
export interface Source {
  readonly text: string;
  readonly constants: readonly unknown[];
}

const quote = JSON.stringify;

/** Beyond so many values a table is looked up. */
const MOST_CASES = 32;

/** Values that may be undefined where they are: for them it has to be seen whether a property is there. */
const mayBeUndefined = new Set<Shape['kind']>(['undefined', 'open', 'union', 'ref']);

export function writeSource(plan: Plan): Source {
  const writer = new WriteSource(plan);
  const named = plan.named.map((shape, i) => writer.entered(`named${i}`, shape));
  const root = writer.entered('root', plan.root);
  return {
    text: [...writer.functions, ...named, root, 'return root;'].join('\n'),
    constants: writer.constants,
  };
}

class WriteSource {
  readonly functions: string[] = [];
  readonly constants: unknown[] = [];
  private serial = 0;

  constructor(private readonly plan: Plan) {}

  entered(name: string, shape: Shape): string {
    return `function ${name}(t, p, v, s, d) {
      s.reach(d + ${nesting(shape)});
      s.count(${nodesOf(shape)});
      ${this.write(shape, 'v', 'd')}
      return p;
    }`;
  }

  /** Statements that write the value of the variable `v` at `p`; `d` is the depth around it. */
  private write(shape: Shape, v: string, d: string): string {
    switch (shape.kind) {
      case 'null':
      case 'undefined':
        return `if (${v} !== ${shape.kind}) throw misfit;`;
      case 'boolean':
        return `if (typeof ${v} !== 'boolean') throw misfit; t[p++] = ${v} ? 1 : 0;`;
      case 'integer':
        return `if (typeof ${v} === 'number' && (${v} | 0) === ${v} && ${v} > 0 && ${v} < 248) t[p++] = ${v};
          else p = writeInteger(t, p, ${v});`;
      case 'number':
        return number(v);
      case 'string':
        return `p = writeText(t, p, ${v});`;
      case 'bytes':
        return `p = writeBytes(t, p, ${v});`;
      case 'date':
        return `p = writeDate(t, p, ${v});`;
      case 'bigint':
        return `if (typeof ${v} !== 'bigint') throw misfit; s.open.push(${v});`;
      case 'open':
        return `s.open.push(${v});`;
      case 'literal':
        return this.literal(shape.values, v);
      case 'array':
        return this.array(shape.items, v, d);
      case 'tuple':
        return this.tuple(shape, v, d);
      case 'object':
        return `p = ${this.object(shape)}(t, p, ${v}, s, ${d});`;
      case 'union':
        return this.union(shape.members, v, d);
      case 'ref':
        return `p = named${shape.to}(t, p, ${v}, s, ${d});`;
    }
  }

  private element(shape: Shape, v: string, d: string): string {
    return (isPadded(shape, this.plan) ? 't[p++] = 0; ' : '') + this.write(shape, v, d);
  }

  private literal(values: readonly Literal[], v: string): string {
    if (values.length === 1) return `if (${v} !== ${quote(values[0])}) throw misfit;`;
    if (values.length > MOST_CASES) {
      const index = this.name('x');
      const table = this.constant(new Map(values.map((value, i) => [value, i])));
      return `const ${index} = ${table}.get(${v}); if (${index} === undefined) throw misfit; p = writeCount(t, p, ${index});`;
    }
    const cases = values.map((value, i) => `case ${quote(value)}: t[p++] = ${i}; break;`).join('\n');
    return `switch (${v}) { ${cases} default: throw misfit; }`;
  }

  private array(items: Shape, v: string, d: string): string {
    const [array, length, i, item] = [this.name('a'), this.name('n'), this.name('i'), this.name('e')];
    return `const ${array} = arrayOf(${v}), ${length} = ${array}.length;
      if ((s.nodes += ${length} * ${nodesOf(items)}) > s.maxNodes) throw tooMany;
      if (${length} < 248) t[p++] = ${length}; else p = writeCount(t, p, ${length});
      for (let ${i} = 0; ${i} < ${length}; ${i}++) {
        const ${item} = ${array}[${i}];
        ${this.element(items, item, `${d} + 1`)}
      }`;
  }

  private tuple(shape: TupleShape, v: string, d: string): string {
    const { items, least, rest } = shape;
    const [array, length, i, item] = [this.name('a'), this.name('n'), this.name('i'), this.name('e')];
    const start = `const ${array} = arrayOf(${v}), ${length} = ${array}.length;`;
    if (!isCounted(shape)) {
      const each = items.map((of, at) => {
        const one = this.name('e');
        return `const ${one} = ${array}[${at}]; ${this.write(of, one, `${d} + 1`)}`;
      });
      return `${start} if (${length} !== ${items.length}) throw misfit; ${each.join('\n')}`;
    }
    const cases = items.map((of, at) => `case ${at}: { ${this.element(of, item, `${d} + 1`)} break; }`);
    const others = rest === null ? 'throw misfit;' : this.element(rest, item, `${d} + 1`);
    return `${start} if (${length} < ${least} ${rest === null ? `|| ${length} > ${items.length}` : ''}) throw misfit;
      s.count(${length} * ${rest === null ? 0 : nodesOf(rest)});
      p = writeCount(t, p, ${length});
      for (let ${i} = 0; ${i} < ${length}; ${i}++) {
        const ${item} = ${array}[${i}];
        switch (${i}) { ${cases.join('\n')} default: { ${others} } }
      }`;
  }

  private union(members: readonly Shape[], v: string, d: string): string {
    const choose: Choose = chooser(members, this.plan);
    const index = this.name('x');
    const cases = members.map((member, i) => `case ${i}: { ${this.write(member, v, d)} break; }`).join('\n');
    return `const ${index} = ${this.constant(choose)}(${v});
      if (${index} < 0) throw misfit;
      t[p++] = ${index};
      switch (${index}) { ${cases} }`;
  }

  /** The name of a function of its own: what V8 compiles at once stays small. */
  private object(shape: ObjectShape): string {
    const name = this.name('object');
    const { fields } = shape;
    const names = this.constant(new Set(fields.map((field) => field.name)));
    const values = fields.map((_, i) => `f${i}`);
    this.functions.push(`function ${name}(t, p, v, s, d) {
      if (typeof v !== 'object' || v === null) throw misfit;
      const plain = getPrototypeOf(v) === ObjectPrototype;
      if (!plain && !isRecord(v)) throw misfit;
      ${fields.map((field, i) => `const f${i} = ${get(field.name)};`).join('\n')}
      ${presence(shape, values)}
      ${shape.rest === null ? strict(names, this.constant(fields.map((field) => field.name))) : ''}
      ${header(shape, values)}
      ${fields.map((field, i) => this.field(field, `f${i}`)).join('\n')}
      ${shape.rest === null ? '' : this.others(shape, shape.rest, names)}
      return p;
    }`);
    return name;
  }

  private field({ shape, optional }: ObjectShape['fields'][number], v: string): string {
    if (shape.kind === 'boolean') return '';
    const statements = this.write(shape, v, 'd + 1');
    return optional ? `if (${v} !== undefined) { ${statements} }` : statements;
  }

  private others({ pattern }: ObjectShape, rest: Shape, names: string): string {
    const test = pattern === null ? 'null' : this.constant(new RegExp(pattern, 'u'));
    return `const keys = otherKeys(v, ${names}, ${test});
      s.count(keys.length * ${1 + nodesOf(rest)});
      p = writeCount(t, p, keys.length);
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i];
        p = writeText(t, p, key);
        const e = v[key];
        ${this.element(rest, 'e', 'd + 1')}
      }`;
  }

  private name(kind: string): string {
    return `${kind}_${this.serial++}`;
  }

  private constant(value: unknown): string {
    return `K[${this.constants.push(value) - 1}]`;
  }
}

function number(v: string): string {
  const bytes = Array.from({ length: 8 }, (_, i) => `t[p + ${i}] = R[${i}];`).join(' ');
  return `if (typeof ${v} !== 'number') throw misfit;
    if (littleEndian) { F[0] = ${v}; ${bytes} p += 8; } else p = writeDouble(t, p, ${v});`;
}

function get(name: string): string {
  const read = `v[${quote(name)}]`;
  return isInherited(name) ? `hasOwn.call(v, ${quote(name)}) ? ${read} : undefined` : read;
}

function presence({ fields }: ObjectShape, values: readonly string[]): string {
  return fields
    .map(({ name, optional, shape }, i) =>
      optional || !mayBeUndefined.has(shape.kind)
        ? ''
        : `if (${values[i]} === undefined && !hasOwn.call(v, ${quote(name)})) throw misfit;`,
    )
    .join('\n');
}

/**
 * No properties but these. `order` is the order they had the last time, so that to look at each costs one comparison. To
 * count them would not do: one that is named, and not enumerable, would hide one that is not named.
 */
function strict(names: string, order: string): string {
  return `if (!plain) onlyNamed(v, ${names});
    else {
      const order = ${order};
      let count = 0;
      for (const key in v) {
        if (key !== order[count]) {
          if (!${names}.has(key)) { onlyNamed(v, ${names}); break; }
          order[count] = key;
        }
        count++;
      }
    }`;
}

function header(shape: ObjectShape, values: readonly string[]): string {
  const bits: string[] = [];
  const checks: string[] = [];
  for (const [i, { optional, shape: of }] of shape.fields.entries()) {
    const value = values[i] as string;
    if (optional) bits.push(`${value} !== undefined`);
    if (of.kind !== 'boolean') continue;
    const absent = optional ? `${value} !== undefined && ` : '';
    checks.push(`if (${absent}typeof ${value} !== 'boolean') throw misfit;`);
    bits.push(`${value} === true`);
  }
  const bytes: string[] = [];
  for (let byte = 0; byte < Math.ceil(headerBits(shape) / 8); byte++) {
    const eight = bits.slice(8 * byte, 8 * byte + 8);
    bytes.push(`t[p++] = ${eight.map((bit, i) => `(${bit} ? ${1 << i} : 0)`).join(' | ')};`);
  }
  return [...checks, ...bytes].join('\n');
}
