/** A raw connection to a runtime's port, for R28. */
import { type Attacker, type AttackTarget, attackSocket, portOf } from '@pigeonhole/core/conformance';

export function attack(target: AttackTarget): Promise<Attacker> {
  const [host = '', port] = portOf(target, 'tcp').split(':');
  return attackSocket({ host, port: Number(port) });
}
