import { show } from '../../errors.js';
import { type Json, type SchemaObject, schemaError } from './keywords.js';
import type { Shape } from './shape.js';

type Read = (schema: Json, path: string) => Shape;

interface Target {
  readonly schema: Json;
  readonly path: string;
  shape?: Shape;
}

/** What `$ref` leads to within one schema: `#`, `#/…`, and the `$id` of any part. Each is read once. */
export class References {
  readonly #byId = new Map<string, Target>();
  readonly #found: Target[] = [];
  /** Being looked into. */
  readonly #early = new Set<number>();

  constructor(private readonly root: Json) {
    this.#collect(root, '#', new Set());
  }

  /** The number of the target. Throws `ERR_CONFIG` if there is none. */
  find(ref: Json, path: string): number {
    const target = typeof ref === 'string' ? this.#resolve(ref) : undefined;
    if (target === undefined)
      throw schemaError(`${path}/$ref`, `is ${show(ref)}, which is no part of the schema`);
    const index = this.#found.findIndex((each) => each.schema === target.schema);
    return index >= 0 ? index : this.#found.push(target) - 1;
  }

  /** Reads all targets, those too that reading finds. */
  shapes(read: Read): readonly Shape[] {
    for (const target of this.#found) target.shape ??= read(target.schema, target.path);
    const shapes = this.#found.map((target) => target.shape as Shape);
    for (const [i, { path }] of this.#found.entries()) checkEnds(i, shapes, path);
    return shapes;
  }

  /** One target at once, for who has to look into it. */
  early(to: number, read: Read): Shape {
    const target = this.#found[to] as Target;
    if (this.#early.has(to)) throw schemaError(target.path, 'leads back to itself through allOf or $ref');
    this.#early.add(to);
    const shape = read(target.schema, target.path);
    const found = shape.kind === 'ref' ? this.early(shape.to, read) : shape;
    this.#early.delete(to);
    return found;
  }

  #resolve(ref: string): Target | undefined {
    if (this.#byId.has(ref)) return this.#byId.get(ref);
    if (ref === '#') return { schema: this.root, path: '#' };
    if (!ref.startsWith('#/')) return undefined;
    let schema: Json | undefined = this.root;
    for (const step of ref.slice(2).split('/')) {
      const key = unescaped(step);
      if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, key)) return undefined;
      schema = (schema as SchemaObject)[key];
    }
    return schema === undefined ? undefined : { schema, path: ref };
  }

  #collect(part: Json | undefined, path: string, seen: Set<object>): void {
    if (typeof part !== 'object' || part === null || seen.has(part)) return;
    seen.add(part);
    const { $id } = part as SchemaObject;
    if (typeof $id === 'string') this.#byId.set($id, { schema: part, path });
    for (const [key, value] of Object.entries(part)) this.#collect(value, `${path}/${key}`, seen);
  }
}

function unescaped(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return step;
  }
}

/** Throws `ERR_CONFIG` where a value would have to hold itself: a target that leads back to itself with no container between. */
function checkEnds(from: number, shapes: readonly Shape[], path: string): void {
  const visit = (shape: Shape, seen: readonly number[]): void => {
    if (shape.kind === 'union') for (const member of shape.members) visit(member, seen);
    if (shape.kind !== 'ref') return;
    if (seen.includes(shape.to))
      throw schemaError(path, 'leads back to itself with no object or array between');
    visit(shapes[shape.to] as Shape, [...seen, shape.to]);
  };
  visit({ kind: 'ref', to: from }, []);
}
