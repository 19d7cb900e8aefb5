/** How a kind of case is measured: what each of the processes does, and what the figures mean. */

import type { Case, KindName, Place } from './contender.js';
import type { Job, Measurement } from './control.js';

/** What the leading process has at hand while it measures. */
export interface Session<Second> {
  readonly job: Job;
  readonly place: Place;
  /** The other processes' halves; each call crosses to one and back. Rejects when that process ends. */
  readonly seconds: readonly Remote<Second>[];
  /** The first of them. */
  readonly second: Remote<Second>;
  /** Says what is waited for from now on; the watchdog quotes the last one. */
  phase(text: string): void;
}

/** A case with everything open, in its leading process. */
export interface Opened {
  /**
   * Does for about so many milliseconds what is measured, and says how much it did a second, in a unit of its own. Absent where nothing
   * can be warm.
   */
  readonly warm?: (milliseconds: number) => Promise<number>;
  /** One round: throws when a message was lost, repeated, reordered or changed. */
  measure(): Promise<Measurement>;
  /** Called once, when nothing is in flight. */
  close(): Promise<void>;
}

/** The same functions, called across processes. They take one argument at most, which JSON can carry. */
export type Remote<Half> = {
  [Name in keyof Half]: Half[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

/** How one figure is shown. */
export interface MetricInfo {
  readonly key: string;
  readonly heading: string;
  /** Multiplies the raw figure for display. */
  readonly scale: number;
  readonly digits: number;
}

/** A kind of case. `Second` is another process's half: functions called by name. */
export interface Kind<AnyCase extends Case, Second> {
  readonly name: KindName;
  readonly title: string;
  /** The figure that is compared, and whether more of it is better. */
  readonly compared: string;
  readonly moreIsBetter: boolean;
  /** The case that the others are set against in the report. */
  readonly peer: string | undefined;
  readonly metrics: readonly MetricInfo[];
  readonly nodeOptions: readonly string[];
  /** What opening takes, and one round, at most, in multiples of measuring. Default 1. */
  readonly length?: (job: Job) => number;
  /** What is compared does not depend on how fast the machine is. */
  readonly steady?: true;
  /** Each round has processes of its own: what is measured cannot be repeated in the same ones. */
  readonly fresh?: true;
  /** How many processes a case has beside the leading one. */
  others(testCase: AnyCase): number;
  /** Another process's half; `job.index` counts them. */
  second(testCase: AnyCase, job: Job, place: Place): Second;
  /** Opens the case from the leading process. */
  open(testCase: AnyCase, session: Session<Second>): Promise<Opened>;
}
