/** What attackers of different transports have in common (R28). */
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type NetConnectOpts } from 'node:net';
import { join } from 'node:path';
import type { Attacker, AttackTarget } from './harness.js';

/** Where a runtime is reached over a transport: in what each process says of itself, which anybody of this uid can read. */
export function portOf(
  { directory, namespace, name }: Pick<AttackTarget, 'directory' | 'namespace' | 'name'>,
  transport: string,
): string {
  const root = join(directory, namespace);
  for (const file of readdirSync(root).filter((entry) => entry.endsWith('.json'))) {
    const record = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      name: string;
      ports: Record<string, string>;
    };
    const port = record.name === name ? record.ports[transport] : undefined;
    if (port !== undefined) return port;
  }
  throw new Error(`no process '${name}' with a port of ${transport} in ${root}`);
}

/** A raw connection to a socket. */
export function attackSocket(address: NetConnectOpts): Promise<Attacker> {
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    const closed = new Promise<void>((over) => void socket.on('close', () => over()));
    socket.on('error', reject);
    socket.resume();
    socket.on('connect', () =>
      resolve({ write: (bytes) => void socket.write(bytes), closed, destroy: () => void socket.destroy() }),
    );
  });
}
