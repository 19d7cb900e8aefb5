/** A connection to a runtime's port that carries bytes no runtime would send, for R28. The handshake is in order: strangers without the port's key get no further. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attacker, AttackTarget } from '@pigeonhole/core/conformance';
import type { Port } from '@pigeonhole/core/transport';
import udp from '../src/index.js';

/** The port is named in what each process says of itself, which anybody of this uid can read. */
export function portOf({ directory, namespace, name }: AttackTarget): string {
  const root = join(directory, namespace);
  for (const file of readdirSync(root).filter((entry) => entry.endsWith('.json'))) {
    const record = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      name: string;
      ports: { udp: string };
    };
    if (record.name === name) return record.ports.udp;
  }
  throw new Error(`no process '${name}' in ${root}`);
}

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
  const link = await port.connect(portOf(target), { data: () => {}, drain: () => {}, end: () => ended() });
  // With its only link the socket of a port that is closed goes too.
  await port.close();
  return { write: (bytes) => void link.write(bytes), closed, destroy: () => link.destroy() };
}
