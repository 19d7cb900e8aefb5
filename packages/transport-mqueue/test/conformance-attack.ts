/** Somebody of the same user who puts what it likes into a runtime's inbox, for R28. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attacker, AttackTarget } from '@pigeonhole/core/conformance';
import { kernelQueue } from '@pigeonhole/core/transport';
import { PosixQueue, SysvQueue } from '@pigeonhole/native';

/** The inbox is named in what each process says of itself, which anybody of this uid can read. */
export function inboxOf({ directory, namespace, name }: Omit<AttackTarget, 'pid'>): string {
  const root = join(directory, namespace);
  for (const file of readdirSync(root).filter((entry) => entry.endsWith('.json'))) {
    const record = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      name: string;
      ports: { mqueue: string };
    };
    if (record.name === name) return record.ports.mqueue;
  }
  throw new Error(`no process '${name}' in ${root}`);
}

export interface Raw {
  messageBytes: number;
  /** `false`: it is full. */
  send(message: Uint8Array): boolean;
  close(): void;
}

/** Opens an inbox as any program could. */
export function openInbox(target: Omit<AttackTarget, 'pid'>): Raw {
  const address = inboxOf(target);
  const what = `@${address.slice(-16)}`;
  const { name, key } = kernelQueue(join(target.directory, target.namespace), what);
  if (address.startsWith('posix:')) {
    const queue = new PosixQueue(name);
    const { messageBytes } = queue.attributes();
    return { messageBytes, send: (message) => queue.send(message), close: () => queue.close() };
  }
  const queue = new SysvQueue(SysvQueue.open(key));
  return { messageBytes: 8192, send: (message) => queue.send(1, message), close: () => queue.close() };
}

export async function attack(target: AttackTarget): Promise<Attacker> {
  const inbox = openInbox(target);
  const left: Uint8Array[] = [];
  let open = true;
  const written: (() => void)[] = [];
  const flush = (): void => {
    while (open && left[0] !== undefined && inbox.send(left[0])) left.shift();
    if (open && left.length > 0) setTimeout(flush, 1);
    else for (const resolve of written.splice(0)) resolve();
  };
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length; at += inbox.messageBytes)
        left.push(bytes.slice(at, at + inbox.messageBytes));
      flush();
    },
    // A queue has no connections that could be closed: what is no frame is passed over, and the attack is over once it is written.
    get closed() {
      return new Promise<void>((resolve) => {
        written.push(resolve);
        flush();
      });
    },
    destroy() {
      open = false;
      inbox.close();
    },
  };
}
