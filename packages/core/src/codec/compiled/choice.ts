import { fits } from './check.js';
import type { Literal, ObjectShape, Plan, Shape } from './shape.js';
import { isRecord, property, Type, typeOf } from './values.js';

/** The number of the alternative that a value is, or -1. */
export type Choose = (value: unknown) => number;

/** The types of values that a shape takes, as bits of `Type`. */
export function typesOf(shape: Shape, plan: Plan): number {
  switch (shape.kind) {
    case 'integer':
      return Type.number;
    case 'tuple':
      return Type.array;
    case 'literal':
      return shape.values.reduce<number>((bits, value) => bits | typeOf(value), 0);
    case 'union':
      return shape.members.reduce((bits, member) => bits | typesOf(member, plan), 0);
    case 'ref':
      return typesOf(plan.named[shape.to] as Shape, plan);
    case 'open':
      return 2 * Type.other - 1;
    default:
      return Type[shape.kind];
  }
}

/**
 * How a union chooses: the first alternative that takes a value of this type, if no other does; among objects, by a
 * property that all of them fix to different values; else the first that fits throughout.
 */
export function chooser(members: readonly Shape[], plan: Plan): Choose {
  const takes = members.map((member) => typesOf(member, plan));
  const candidates = new Map<number, number[]>();
  for (const bit of Object.values(Type))
    candidates.set(
      bit,
      takes.flatMap((bits, index) => ((bits & bit) === 0 ? [] : [index])),
    );
  const tagged = discriminator(members, candidates.get(Type.object) ?? [], plan);
  return (value) => {
    const type = typeOf(value);
    const possible = candidates.get(type) as number[];
    if (possible.length < 2) return possible[0] ?? -1;
    if (tagged !== undefined && type === Type.object) return tagged(value);
    for (const index of possible) if (fits(members[index] as Shape, value, plan)) return index;
    return -1;
  };
}

function discriminator(members: readonly Shape[], among: readonly number[], plan: Plan): Choose | undefined {
  if (among.length < 2) return undefined;
  const objects = among.map((index) => resolve(members[index] as Shape, plan));
  if (!objects.every((shape): shape is ObjectShape => shape.kind === 'object')) return undefined;
  for (const { name } of (objects[0] as ObjectShape).fields) {
    const byValue = new Map<Literal, number>();
    const all = objects.every((object, i) =>
      fixed(object, name).every((value) => !byValue.has(value) && byValue.set(value, among[i] as number)),
    );
    if (all && objects.every((object) => fixed(object, name).length > 0))
      return (value) => (isRecord(value) ? (byValue.get(property(value, name) as Literal) ?? -1) : -1);
  }
  return undefined;
}

function resolve(shape: Shape, plan: Plan): Shape {
  return shape.kind === 'ref' ? resolve(plan.named[shape.to] as Shape, plan) : shape;
}

/** The values that a required property may have; none if they are not listed. */
function fixed(object: ObjectShape, name: string): readonly Literal[] {
  const field = object.fields.find((each) => each.name === name);
  return field?.shape.kind === 'literal' && !field.optional ? field.shape.values : [];
}
