import { schemaError } from './keywords.js';
import type { Field, ObjectShape, Shape } from './shape.js';

/** One object with the properties of all. Throws `ERR_CONFIG` for what is no object, or has rules for properties that it does not name. */
export function mergeObjects(parts: readonly Shape[], path: string): Shape {
  const fields = new Map<string, Field>();
  for (const [i, part] of parts.entries()) {
    if (part.kind !== 'object' || part.rest !== null)
      throw schemaError(
        `${path}/${i}`,
        'is not an object with named properties alone, as all parts of allOf must be',
      );
    for (const field of (part as ObjectShape).fields) {
      const earlier = fields.get(field.name);
      fields.set(field.name, earlier === undefined ? field : both(earlier, field, `${path}/${i}`));
    }
  }
  return { kind: 'object', fields: [...fields.values()], rest: null, pattern: null };
}

/** A property that two parts have: required if one says so. What says nothing gives way. */
function both(a: Field, b: Field, path: string): Field {
  const optional = a.optional && b.optional;
  if (a.shape.kind === 'open') return { ...b, optional };
  if (b.shape.kind === 'open' || JSON.stringify(a.shape) === JSON.stringify(b.shape))
    return { ...a, optional };
  throw schemaError(`${path}/properties/${b.name}`, 'has another form in an earlier part of allOf');
}
