/** The kinds of case, in the order in which they run and are reported. */

import type { Case, KindName } from './contender.js';
import type { Kind } from './kind.js';
import { ceiling } from './kinds/ceiling.js';
import { crowd } from './kinds/crowd.js';
import { floor } from './kinds/floor.js';
import { footprint } from './kinds/footprint.js';
import { oneWay } from './kinds/one-way.js';
import { openLoop } from './kinds/open-loop.js';
import { roundTrip } from './kinds/round-trip.js';
import { scaling } from './kinds/scaling.js';
import { sizes } from './kinds/sizes.js';

/** A half whose functions are called by name. */
export type AnyHalf = Record<string, (argument?: unknown) => unknown>;

/** A kind whose case and second half are not known statically: the harness passes both through unseen. */
export type AnyKind = Kind<Case, AnyHalf>;

const kinds: readonly unknown[] = [
  oneWay,
  sizes,
  roundTrip,
  crowd,
  openLoop,
  footprint,
  scaling,
  ceiling,
  floor,
];

/** All kinds. */
export const allKinds = kinds as readonly AnyKind[];

/** The kind with this name. */
export function kindNamed(name: KindName): AnyKind {
  const kind = allKinds.find((candidate) => candidate.name === name);
  if (kind === undefined) throw new Error(`no kind of case is named ${name}`);
  return kind;
}
