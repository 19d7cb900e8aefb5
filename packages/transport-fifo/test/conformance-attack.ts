/** Somebody who opens a runtime's inbox and writes what it likes, for R28. */
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Attacker, type AttackTarget, portOf } from '@pigeonhole/core/conformance';

export async function attack(target: AttackTarget): Promise<Attacker> {
  const fd = openSync(portOf(target, 'fifo'), constants.O_WRONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: false, writable: true });
  socket.on('error', () => {});
  return {
    write: (bytes) => void socket.write(bytes),
    // A FIFO has no connections that could be closed: what is no frame is passed over, and the attack is over once it is written.
    get closed() {
      return new Promise<void>((resolve) => socket.write('', () => resolve()));
    },
    destroy: () => void socket.destroy(),
  };
}
