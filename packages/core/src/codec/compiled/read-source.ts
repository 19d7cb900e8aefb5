/** The decoder as JavaScript, for one schema. */
import {
  type Field,
  headerBits,
  isCounted,
  isPadded,
  type Literal,
  leastBytes,
  nesting,
  nodesOf,
  type ObjectShape,
  type Plan,
  type Shape,
  type TupleShape,
} from './shape.js';
import { LONGEST_SHORT } from './text.js';
import { isInherited } from './values.js';
import type { Source } from './write-source.js';

const quote = JSON.stringify;

export function readSource(plan: Plan): Source {
  const reader = new ReadSource(plan);
  const named = plan.named.map((shape, i) => reader.entered(`named${i}`, shape));
  const root = reader.entered('root', plan.root);
  return {
    text: [...reader.functions, ...named, root, 'return root;'].join('\n'),
    constants: reader.constants,
  };
}

class ReadSource {
  readonly functions: string[] = [];
  readonly constants: unknown[] = [];
  private serial = 0;

  constructor(private readonly plan: Plan) {}

  entered(name: string, shape: Shape): string {
    return `function ${name}(b, p, end, s, d) {
      s.reach(d + ${nesting(shape)});
      s.count(${nodesOf(shape)});
      let v;
      ${this.read(shape, 'v', 'd')}
      s.at = p;
      return v;
    }`;
  }

  /** Statements that read at `p` what becomes the value of the variable `v`. */
  private read(shape: Shape, v: string, d: string): string {
    switch (shape.kind) {
      case 'null':
      case 'undefined':
        return `${v} = ${shape.kind};`;
      case 'boolean':
        return `if (p >= end) throw early(p); if (b[p] > 1) throw odd(p, 'no boolean'); ${v} = b[p++] === 1;`;
      case 'integer':
        return `if (p >= end) throw early(p);
          ${v} = b[p++];
          if (${v} > 247) { ${v} = readLongInteger(b, p, end, s, ${v}); p = s.at; }`;
      case 'number':
        return number(v);
      case 'string':
        return text(v);
      case 'bytes':
        return `${v} = readBytes(b, p, end, s); p = s.at;`;
      case 'date':
        return `${v} = new Date(readDouble(b, p, end)); p += 8;`;
      case 'bigint':
        return `${v} = s.takeBigint(p);`;
      case 'open':
        return `${v} = s.take(p);`;
      case 'literal':
        return this.literal(shape.values, v);
      case 'array':
        return this.array(shape.items, v, d);
      case 'tuple':
        return this.tuple(shape, v, d);
      case 'object':
        return `${v} = ${this.object(shape)}(b, p, end, s, ${d}); p = s.at;`;
      case 'union':
        return this.union(shape.members, v, d);
      case 'ref':
        return `${v} = named${shape.to}(b, p, end, s, ${d}); p = s.at;`;
    }
  }

  private element(shape: Shape, v: string, d: string): string {
    return (isPadded(shape, this.plan) ? 'p = skipPadding(b, p, end); ' : '') + this.read(shape, v, d);
  }

  private literal(values: readonly Literal[], v: string): string {
    if (values.length === 1) return `${v} = ${quote(values[0])};`;
    const [index, table] = [this.name('x'), this.constant(values)];
    return `const ${index} = readCount(b, p, end, s);
      if (${index} >= ${values.length}) throw odd(p, ${index} + ' stands for one of ${values.length} values');
      ${v} = ${table}[${index}]; p = s.at;`;
  }

  private array(items: Shape, v: string, d: string): string {
    const [length, i, item] = [this.name('n'), this.name('i'), this.name('e')];
    const least = Math.max(1, leastBytes(items, this.plan));
    return `if (p >= end) throw early(p);
      let ${length} = b[p++];
      if (${length} > 247) { ${length} = readLongCount(b, p, end, s, ${length}); p = s.at; }
      if (${length} * ${least} > end - p) throw early(p);
      if ((s.nodes += ${length} * ${nodesOf(items)}) > s.maxNodes) throw tooMany;
      ${v} = new Array(${length});
      for (let ${i} = 0; ${i} < ${length}; ${i}++) {
        let ${item};
        ${this.element(items, item, `${d} + 1`)}
        ${v}[${i}] = ${item};
      }`;
  }

  private tuple(shape: TupleShape, v: string, d: string): string {
    const { items, least, rest } = shape;
    const depth = `${d} + 1`;
    if (!isCounted(shape)) {
      const each = items.map((of, at) => {
        const one = this.name('e');
        return `let ${one}; ${this.read(of, one, depth)} ${v}[${at}] = ${one};`;
      });
      return `${v} = new Array(${items.length}); ${each.join('\n')}`;
    }
    const [length, i, item] = [this.name('n'), this.name('i'), this.name('e')];
    const cases = items.map((of, at) => `case ${at}: { ${this.element(of, item, depth)} break; }`);
    const others = rest === null ? '' : `default: { ${this.element(rest, item, depth)} }`;
    return `const ${length} = readElements(b, p, end, s, 1, ${rest === null ? 0 : nodesOf(rest)});
      if (${length} < ${least} ${rest === null ? `|| ${length} > ${items.length}` : ''}) throw odd(p, 'a tuple has ' + ${length} + ' elements');
      p = s.at;
      ${v} = new Array(${length});
      for (let ${i} = 0; ${i} < ${length}; ${i}++) {
        let ${item};
        switch (${i}) { ${cases.join('\n')} ${others} }
        ${v}[${i}] = ${item};
      }`;
  }

  private union(members: readonly Shape[], v: string, d: string): string {
    const cases = members.map((member, i) => `case ${i}: { ${this.read(member, v, d)} break; }`).join('\n');
    return `if (p >= end) throw early(p);
      switch (b[p++]) { ${cases} default: throw odd(p - 1, 'it stands for one of ${members.length} alternatives'); }`;
  }

  private object(shape: ObjectShape): string {
    const name = this.name('object');
    const bits = headerBits(shape);
    const width = Math.ceil(bits / 8);
    const header = Array.from({ length: width }, (_, i) => `const h${i} = b[p + ${i}];`).join(' ');
    const stray =
      bits % 8 === 0
        ? ''
        : `if (h${width - 1} >> ${bits % 8} !== 0) throw odd(p, 'bits are set that mean nothing');`;
    this.functions.push(`function ${name}(b, p, end, s, d) {
      ${width === 0 ? '' : `if (end - p < ${width}) throw early(p); ${header} ${stray} p += ${width};`}
      ${this.fields(shape)}
      ${shape.rest === null ? '' : this.others(shape, shape.rest)}
      s.at = p;
      return o;
    }`);
    return name;
  }

  /** A literal for the properties up to the first that need not be there; the others are set one by one, in order. */
  private fields({ fields }: ObjectShape): string {
    const first = fields.findIndex((field) => field.optional);
    const fixed = first < 0 ? fields.length : first;
    let bit = 0;
    const nextBit = (): string => {
      const test = `(h${bit >> 3} & ${1 << (bit & 7)}) !== 0`;
      bit++;
      return test;
    };
    const reads: string[] = [];
    const entries: string[] = [];
    const sets: string[] = [];
    for (const [i, field] of fields.entries()) {
      const there = field.optional ? nextBit() : undefined;
      const isTrue = field.shape.kind === 'boolean' ? nextBit() : undefined;
      const read = `let f${i}; ${isTrue === undefined ? this.read(field.shape, `f${i}`, 'd + 1') : `f${i} = ${isTrue};`}`;
      if (i < fixed) {
        reads.push(read);
        entries.push(`${field.name === '__proto__' ? '["__proto__"]' : quote(field.name)}: f${i}`);
      } else sets.push(optionalField(field, i, read, there, isTrue));
    }
    return `${reads.join('\n')}\nconst o = { ${entries.join(', ')} };\n${sets.join('\n')}`;
  }

  private others({ fields }: ObjectShape, rest: Shape): string {
    const names = this.constant(new Set(fields.map((field) => field.name)));
    const least = 1 + Math.max(1, leastBytes(rest, this.plan));
    return `const count = readElements(b, p, end, s, ${least}, ${1 + nodesOf(rest)});
      p = s.at;
      let isSparse = false;
      for (let i = 0; i < count; i++) {
        const start = p;
        const key = readText(b, p, end, s);
        p = s.at;
        let e;
        ${this.element(rest, 'e', 'd + 1')}
        isSparse = setOther(o, ${names}, key, e, start, isSparse);
      }`;
  }

  private name(kind: string): string {
    return `${kind}_${this.serial++}`;
  }

  private constant(value: unknown): string {
    return `K[${this.constants.push(value) - 1}]`;
  }
}

function optionalField(
  field: Field,
  i: number,
  read: string,
  there: string | undefined,
  isTrue: string | undefined,
): string {
  const set = isInherited(field.name)
    ? `setOwn(o, ${quote(field.name)}, f${i});`
    : `o[${quote(field.name)}] = f${i};`;
  if (there === undefined) return `${read} ${set}`;
  const stray =
    isTrue === undefined
      ? ''
      : ` else if (${isTrue}) throw odd(p, 'a value is there for a property that is not');`;
  return `if (${there}) { ${read} ${set} }${stray}`;
}

function number(v: string): string {
  const bytes = Array.from({ length: 8 }, (_, i) => `R[${i}] = b[p + ${i}];`).join(' ');
  return `if (end - p < 8) throw early(p);
    if (littleEndian) { ${bytes} ${v} = F[0]; } else ${v} = readDouble(b, p, end);
    p += 8;`;
}

function text(v: string): string {
  return `if (p >= end) throw early(p);
    ${v} = b[p];
    if (${v} > ${LONGEST_SHORT}) { ${v} = readLongText(b, p + 1, end, s, ${v}); p = s.at; }
    else {
      if (${v} >= end - p) throw early(p);
      p += 1 + ${v};
      ${v} = readShort(b, p - ${v}, ${v});
    }`;
}
