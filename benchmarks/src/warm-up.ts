/**
 * The warm-up, the same for every contender: V8 compiles in steps, some of them late, and a service that runs for weeks is measured
 * when it is done. So a case works in windows, as it does when it is measured, until it gets no faster any more.
 */

/** When a case is warm. Times are in milliseconds. */
export interface WarmUpRule {
  /** Of one window. */
  readonly window: number;
  /** No warm-up is shorter, whatever its windows say: some steps come late. */
  readonly least: number;
  /** None is longer by more than a window. */
  readonly most: number;
  /** How many windows at the end are set against those before. */
  readonly last: number;
  /** The best of the last windows may be faster than the best before by this share. */
  readonly tolerance: number;
}

/** How one warm-up went. */
export interface WarmUp {
  /** What it took. */
  readonly milliseconds: number;
  /** What was done a second in each window, in the unit of the kind. */
  readonly rates: readonly number[];
  /** It ended because the case got no faster, not because time was over. */
  readonly settled: boolean;
}

/**
 * Whether the last windows are no faster than those before. The best of each part are compared, because a busy machine only ever makes
 * a window slower.
 */
export function isSettled(rates: readonly number[], { last, tolerance }: WarmUpRule): boolean {
  if (rates.length <= last) return false;
  const best = (part: readonly number[]): number => Math.max(...part);
  return best(rates.slice(-last)) <= best(rates.slice(0, -last)) * (1 + tolerance);
}

/** Calls `work`, which works for about so many milliseconds and says how much it did a second, until the case is warm. */
export async function warmUp(
  work: (milliseconds: number) => Promise<number>,
  rule: WarmUpRule,
  clock: () => number = () => performance.now(),
): Promise<WarmUp> {
  const start = clock();
  const rates: number[] = [];
  for (;;) {
    rates.push(await work(rule.window));
    const milliseconds = clock() - start;
    const settled = isSettled(rates, rule);
    if ((settled && milliseconds >= rule.least) || milliseconds >= rule.most)
      return { milliseconds, rates, settled };
  }
}

function seconds(milliseconds: number): string {
  return `${Number((milliseconds / 1000).toFixed(2))} s`;
}

/** The rule in words; of results that are older than it, the milliseconds that each round began with. */
export function ruleText(rule: WarmUpRule | number): string {
  if (typeof rule === 'number') return `${rule} ms to warm up in each round`;
  const { window, least, most, last, tolerance } = rule;
  return (
    `warmed up for ${seconds(least)} at least and ${seconds(most)} at most, until the best of ${last} windows of ${window} ms ` +
    `was not ${tolerance * 100} % faster than the best before`
  );
}
