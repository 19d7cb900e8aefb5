import type { Harness } from './harness.js';
import { everywhere, type Place } from './surface.js';

export type RuleId = `R${number}`;

/** One test of one rule. `run` throws if the rule does not hold; it needs no test runner. */
export interface ConformanceRule {
  readonly rule: RuleId;
  readonly title: string;
  /** The places in which the test makes sense; it runs in those of them that the transport serves. */
  readonly where: readonly Place[];
  /** Only for transports that do not serve this place: the negative of a test that needs it. */
  readonly unless?: Place;
  run(harness: Harness): Promise<void>;
}

export function rule(
  id: RuleId,
  title: string,
  run: (t: Harness) => Promise<void>,
  where: readonly Place[] = everywhere,
): ConformanceRule {
  return { rule: id, title, where, run };
}
