/** A link to a runtime's datagram socket that carries bytes no runtime would send, for R28. The datagrams themselves are in order. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attacker, AttackTarget } from '@pigeonhole/core/conformance';
import uds from '../dist/index.js';

/** The socket is named in what each process says of itself, which anybody of this uid can read. */
export function socketOf({ directory, namespace, name }: Omit<AttackTarget, 'pid'>): string {
  const root = join(directory, namespace);
  for (const file of readdirSync(root).filter((entry) => entry.endsWith('.json'))) {
    const record = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      name: string;
      ports: { 'uds-dgram': string };
    };
    if (record.name === name) return record.ports['uds-dgram'];
  }
  throw new Error(`no process '${name}' in ${root}`);
}

export async function attack(target: AttackTarget): Promise<Attacker> {
  const incarnation = randomBytes(8).toString('hex');
  const port = await uds({ socket: 'dgram' }).open({
    namespace: 'none',
    self: { name: 'nobody', incarnation },
    path: (suffix) => join(target.directory, target.namespace, `${incarnation}.${suffix}`),
    staging: (path) => `${path}.new`,
    accept: () => {
      throw new Error('nobody connects to a stranger');
    },
    warn: () => {},
  });
  let ended: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const handler = { data: () => {}, drain: () => {}, end: () => ended() };
  const link = await port.connect(socketOf(target), handler);
  // With its only link the socket of a port that is closed goes too.
  await port.close();
  return { write: (bytes) => void link.write(bytes), closed, destroy: () => link.destroy() };
}
