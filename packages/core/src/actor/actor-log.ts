import type { Logger } from '../config.js';

/** A pino child that names the actor; any other logger as it is. */
export function childLogger(logger: Logger, actor: string): Logger {
  const { child } = logger as { child?: (bindings: object) => Logger };
  return typeof child === 'function' ? child.call(logger, { actor }) : logger;
}
