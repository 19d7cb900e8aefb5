/** Waiting for a condition, under a watchdog that says what it waited for: the suite's, as functions. */
import { Watchdog } from '@pigeonhole/core/conformance';

const watchdog = new Watchdog(45_000);

/** Settles as `promise` does, or rejects, naming `what`. */
export const within = <T>(promise: Promise<T>, what: string): Promise<T> => watchdog.within(promise, what);

/** The first truthy value of `condition`, asked again each turn at first and every few milliseconds later. */
export const until = <T>(condition: () => T | Promise<T>, what: string) => watchdog.until(condition, what);
