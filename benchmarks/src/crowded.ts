/** A round trip as many pairs do it at once, more processes than there are processors. */

import type { Case, CrowdCase, RoundTripCase } from './contender.js';

/** These cases, and of the round trip with this name the same in a crowd. */
export function withCrowd(cases: readonly Case[], name: string): readonly Case[] {
  const found = cases.find((each): each is RoundTripCase => each.kind === 'round-trip' && each.name === name);
  if (found === undefined) throw new Error(`no round trip is named ${name}`);
  const crowd: CrowdCase = { ...found, kind: 'crowd', restless: true, detail: true };
  return [...cases, crowd];
}
