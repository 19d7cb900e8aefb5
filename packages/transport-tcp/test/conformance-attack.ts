/** A raw connection to a runtime's port, for R28. */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Attacker, AttackTarget } from '@pigeonhole/core/conformance';

/** The port is named in what each process says of itself, which anybody of this uid can read. */
function portOf({ directory, namespace, name }: AttackTarget): string {
  const root = join(directory, namespace);
  for (const file of readdirSync(root).filter((entry) => entry.endsWith('.json'))) {
    const record = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      name: string;
      ports: { tcp: string };
    };
    if (record.name === name) return record.ports.tcp;
  }
  throw new Error(`no process '${name}' in ${root}`);
}

export function attack(target: AttackTarget): Promise<Attacker> {
  return new Promise((resolve, reject) => {
    const [host, port] = portOf(target).split(':');
    const socket = connect(Number(port), host);
    const closed = new Promise<void>((over) => void socket.on('close', () => over()));
    socket.on('error', reject);
    socket.resume();
    socket.on('connect', () =>
      resolve({ write: (bytes) => void socket.write(bytes), closed, destroy: () => void socket.destroy() }),
    );
  });
}
