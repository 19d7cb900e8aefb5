import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { kernelQueue, queueRecordOf } from '@pigeonhole/core/transport';
import { PosixQueue, SysvQueue } from '@pigeonhole/native';

/** Messages in the queue of a mailbox, of either kind; null without one. */
export function messagesIn(namespaceDirectory: string, mailbox: string): number | null {
  const { name, key } = kernelQueue(namespaceDirectory, mailbox);
  for (const count of [() => countPosix(name), () => countSysv(key)])
    try {
      return count();
    } catch {
      // Not of this kind.
    }
  return null;
}

function countPosix(name: string): number {
  const queue = new PosixQueue(name);
  const { messages } = queue.attributes();
  queue.close();
  return messages;
}

function countSysv(key: number): number {
  const queue = new SysvQueue(SysvQueue.open(key));
  const { messages } = queue.status();
  queue.close();
  return messages;
}

function remove(namespaceDirectory: string, mailbox: string): void {
  const { name, key } = kernelQueue(namespaceDirectory, mailbox);
  PosixQueue.unlink(name);
  try {
    const queue = new SysvQueue(SysvQueue.open(key));
    queue.remove();
    queue.close();
  } catch {
    // There was none.
  }
}

/** Tests leave messages behind, and the kernel keeps them for the next process. An empty queue is to be gone without this. */
export function discard(namespaceDirectory: string, all: boolean): void {
  let files: string[] = [];
  try {
    files = readdirSync(namespaceDirectory);
  } catch {
    return;
  }
  for (const file of files) {
    const mailbox = queueRecordOf(file);
    if (mailbox === null || !(all || (messagesIn(namespaceDirectory, mailbox) ?? 0) > 0)) continue;
    remove(namespaceDirectory, mailbox);
    rmSync(join(namespaceDirectory, file), { force: true });
  }
  if (all) for (const file of files) if (file.endsWith('.owner')) removeInbox(namespaceDirectory, file);
}

function removeInbox(namespaceDirectory: string, file: string): void {
  remove(namespaceDirectory, `@${file.slice(0, 16)}`);
}

/** POSIX queues that this process can see; null where they cannot be listed. */
export function posixQueues(): string[] | null {
  try {
    return readdirSync('/dev/mqueue');
  } catch {
    return null;
  }
}

/** Keys of the System V queues of this machine. */
export function sysvKeys(): number[] {
  const [, ...lines] = readFileSync('/proc/sysvipc/msg', 'utf8').trim().split('\n');
  return lines.map((line) => Number(line.trim().split(/\s+/)[0]));
}
