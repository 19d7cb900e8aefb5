import { checkCapacity } from '../address.js';
import { checkOptions } from '../call-options.js';
import { checkName } from '../naming.js';
import { checkCount, optionError } from './option-error.js';
import { resolveSupervision } from './supervision.js';
import type { ActorDefinition, ActorSpec, AnyHandlers, ErasedSpec, Handlers, SpawnOptions } from './types.js';

const OPTIONS = [
  ...['state', 'handlers', 'started', 'stopped', 'terminated', 'mailbox', 'concurrency', 'stashCapacity'],
  ...['instances', 'routing', 'supervision', 'exposeStacks', 'module'],
];

/** So many slots a keyed pool divides among its instances: `pool.ts`. */
export const SLOTS = 256;

/**
 * Describes an actor; starts nothing. Throws `ERR_NAME` for the name (it is the name of its mailbox too) and `ERR_CONFIG` or
 * `ERR_CAPACITY` for the rest, naming the option, its value and what is allowed.
 */
export function defineActor<S = undefined, A = undefined, H extends Handlers<S> = Handlers<S>>(
  name: string,
  spec: ActorSpec<A, S, H>,
): ActorDefinition<A, H> {
  checkName(name, 'mailbox');
  const of = `of actor '${name}'`;
  checkOptions(spec, OPTIONS, `actor '${name}'`);
  if (spec.mailbox !== undefined) checkOptions(spec.mailbox, ['capacity'], of, 'mailbox ');
  checkFunctions(spec as ActorSpec<unknown, unknown, Handlers<unknown>>, of);
  if (spec.mailbox?.capacity !== undefined) checkCapacity(spec.mailbox.capacity, `mailbox '${name}'`);
  const { routing = 'any', module } = spec;
  if (routing !== 'any' && routing !== 'key') throw optionError('routing', of, routing, "'any', 'key'");
  if (module !== undefined && typeof module !== 'string')
    throw optionError(
      'module',
      of,
      module,
      'the URL of the module that exports the definition: import.meta.url',
    );
  const erased: ErasedSpec = {
    state: spec.state as ErasedSpec['state'],
    handlers: Object.freeze({ ...spec.handlers }) as unknown as ErasedSpec['handlers'],
    started: spec.started as ErasedSpec['started'],
    stopped: spec.stopped as ErasedSpec['stopped'],
    terminated: spec.terminated as ErasedSpec['terminated'],
    capacity: spec.mailbox?.capacity,
    concurrency: checkCount(spec.concurrency, 1, 2 ** 16, 'concurrency', of),
    stashCapacity: checkCount(spec.stashCapacity, 1000, 2 ** 31 - 1, 'stashCapacity', of),
    instances: checkInstances(spec.instances, routing, of),
    routing,
    supervision: resolveSupervision(spec.supervision ?? {}, of),
    exposeStacks: spec.exposeStacks === true,
    module,
  };
  return Object.freeze({ kind: 'actor' as const, name, spec: Object.freeze(erased) });
}

/** Whether a module's export is a definition: of whichever build of this package. */
export function isActorDefinition(value: unknown): value is ActorDefinition<unknown, AnyHandlers> {
  const { kind, name, spec } = (value ?? {}) as Partial<ActorDefinition>;
  return kind === 'actor' && typeof name === 'string' && typeof spec?.handlers === 'object';
}

export function checkInstances(value: number | undefined, routing: 'any' | 'key', of: string): number {
  return checkCount(value, 1, routing === 'key' ? SLOTS : 2 ** 16, 'instances', of);
}

export function checkSpread(
  value: number | undefined,
  placement: SpawnOptions['placement'],
  instances: number,
  of: string,
): number {
  if (value === undefined || value === 1) return 1;
  if (placement === 'here') throw optionError('spread', of, value, "1 with placement 'here'");
  if (!(Number.isInteger(value) && value >= 1 && value <= instances))
    throw optionError(
      'spread',
      of,
      value,
      `an integer from 1 to ${instances}, which is how many instances there are`,
    );
  return value;
}

function checkFunctions(spec: ActorSpec<unknown, unknown, Handlers<unknown>>, of: string): void {
  if (typeof spec?.handlers !== 'object' || spec.handlers === null)
    throw optionError('handlers', of, spec?.handlers, 'an object of functions');
  if (Object.hasOwn(spec.handlers, ''))
    throw optionError('handlers', of, '', 'names of one character or more');
  for (const [key, handler] of Object.entries(spec.handlers))
    if (typeof handler !== 'function') throw optionError(`handlers.${key}`, of, handler, 'a function');
  for (const key of ['state', 'started', 'stopped', 'terminated'] as const)
    if (spec[key] !== undefined && typeof spec[key] !== 'function')
      throw optionError(key, of, spec[key], 'a function');
}
