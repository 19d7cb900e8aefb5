import { PigeonholeError } from './errors.js';
import type { Ability, MailboxSpec, Transport } from './transport.js';

/** Of a transport, the error of asking for what it lacks. */
export function lacking(transport: Pick<Transport, 'name'>, ability: Ability, what: string): PigeonholeError {
  return new PigeonholeError(
    'ERR_UNSUPPORTED',
    `${what}: transport '${transport.name}' cannot (its capabilities lack '${ability}'); use another transport for it`,
    { transport: transport.name },
  );
}

/** Throws `ERR_UNSUPPORTED` for a mailbox that the transport cannot have. */
export function checkAbilities(transport: Transport, { name, capacity, ordering }: MailboxSpec): void {
  const { lacks = [] } = transport.capabilities;
  const asked: Partial<Record<Ability, boolean>> = {
    rendezvous: capacity === 0,
    unbounded: capacity === 'unbounded',
    priority: ordering === 'priority',
  };
  for (const ability of lacks) {
    const what = ability === 'priority' ? `ordering 'priority'` : `capacity ${capacity}`;
    if (asked[ability]) throw lacking(transport, ability, `mailbox '${name}' with ${what}`);
  }
}
