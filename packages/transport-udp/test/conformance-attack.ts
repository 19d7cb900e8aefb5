/** A connection to a runtime's port that carries bytes no runtime would send, for R28. The handshake is in order: strangers without the port's key get no further. */
import { type Attacker, type AttackTarget, portOf } from '@pigeonhole/core/conformance';
import type { Port } from '@pigeonhole/core/transport';
import udp from '../src/index.js';

/** A port that belongs to no runtime. */
export function strangePort(): Promise<Port> {
  return udp().open({
    namespace: 'none',
    self: { name: 'nobody', incarnation: '0'.repeat(16) },
    path: (suffix) => suffix,
    staging: (path) => `${path}.new`,
    accept: () => {
      throw new Error('nobody connects to a stranger');
    },
    warn: () => {},
  });
}

export async function attack(target: AttackTarget): Promise<Attacker> {
  const port = await strangePort();
  let ended: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const link = await port.connect(portOf(target, 'udp'), {
    data: () => {},
    drain: () => {},
    end: () => ended(),
  });
  // With its only link the socket of a port that is closed goes too.
  await port.close();
  return { write: (bytes) => void link.write(bytes), closed, destroy: () => link.destroy() };
}
