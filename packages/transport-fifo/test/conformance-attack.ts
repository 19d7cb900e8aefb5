/** Somebody who opens a runtime's inbox and writes what it likes, for R28. */
import { constants, openSync, readdirSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Attacker, AttackTarget } from '@pigeonhole/core/conformance';

/** The inbox is named in what each process says of itself, which anybody of this uid can read. */
export function inboxOf({ directory, namespace, name }: Omit<AttackTarget, 'pid'>): string {
  const root = join(directory, namespace);
  for (const file of readdirSync(root).filter((entry) => entry.endsWith('.json'))) {
    const record = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      name: string;
      ports: { fifo: string };
    };
    if (record.name === name) return record.ports.fifo;
  }
  throw new Error(`no process '${name}' in ${root}`);
}

export async function attack(target: AttackTarget): Promise<Attacker> {
  const fd = openSync(inboxOf(target), constants.O_WRONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: false, writable: true });
  socket.on('error', () => {});
  return {
    write: (bytes) => void socket.write(bytes),
    // A FIFO has no connections that could be closed: what is no frame is passed over, and the attack is over once it is written.
    closed: Promise.resolve(),
    destroy: () => void socket.destroy(),
  };
}
