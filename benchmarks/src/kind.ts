/** How a kind of case is measured: what each of the two processes does, and what the figures mean. */

import type { Case, KindName, Place } from './contender.js';
import type { Job, Metrics } from './control.js';

/** What the leading process has at hand while it measures. */
export interface Session<Second> {
  readonly job: Job;
  readonly place: Place;
  /** The second process's half; each call crosses to it and back. Rejects when that process ends. */
  readonly second: Remote<Second>;
  /** Says what is waited for from now on; the watchdog quotes the last one. */
  phase(text: string): void;
  /** Everything is open and nothing has been sent. Resolves when an observer, if there is one, has attached. */
  ready(): Promise<void>;
}

/** The same functions, called across processes. */
export type Remote<Half> = {
  [Name in keyof Half]: Half[Name] extends () => infer Result ? () => Promise<Awaited<Result>> : never;
};

/** How one figure is shown. */
export interface MetricInfo {
  readonly key: string;
  readonly heading: string;
  /** Multiplies the raw figure for display. */
  readonly scale: number;
  readonly digits: number;
}

/** A kind of case. `Second` is the second process's half: functions without arguments, called by name. */
export interface Kind<AnyCase extends Case, Second> {
  readonly name: KindName;
  readonly title: string;
  /** The figure that is compared, and whether more of it is better. */
  readonly compared: string;
  readonly moreIsBetter: boolean;
  /** The case that the others are set against in the report. */
  readonly peer: string | undefined;
  readonly metrics: readonly MetricInfo[];
  readonly processes: 1 | 2;
  readonly nodeOptions: readonly string[];
  /** The second process's half. */
  second(testCase: AnyCase, job: Job, place: Place): Second;
  /** Runs the case from the leading process; throws when a message was lost, repeated, reordered or changed. */
  lead(testCase: AnyCase, session: Session<Second>): Promise<Metrics>;
}
