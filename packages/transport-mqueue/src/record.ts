import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hasSystemCode, PigeonholeError, queueRecordFile, queueRecordOf } from '@pigeonhole/core/transport';
import { FileLock } from '@pigeonhole/native';

/** How a mailbox was made, for whoever comes when its maker is gone. */
export interface Made {
  readonly api: 'posix' | 'sysv';
  readonly address: string | number;
  readonly capacity: number;
  readonly messageBytes: number;
  readonly ordering: 'fifo' | 'priority';
  /** By us: else it is not ours to remove. */
  readonly made: boolean;
}

/** Ranges of the record that are locked: while its mailbox is opened or left, and by all who have it open. */
const DOOR = 0;
const USERS = 1;

/** How long a process that is in the middle of opening or leaving a mailbox may keep others from it, in milliseconds. */
const PATIENCE = 5_000;

/**
 * The file of a mailbox that is a queue of the kernel's, which knows nobody who has it open: says how it was made, and its locks, which the
 * kernel drops when their process ends, say who uses it.
 */
export class QueueRecord {
  private constructor(
    private readonly path: string,
    private readonly lock: FileLock,
  ) {}

  /** With its door shut behind this process. Waits for others inside. */
  static async enter(directory: string, mailbox: string): Promise<QueueRecord> {
    const path = queueRecordFile(directory, mailbox);
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const record = QueueRecord.tryEnter(path, true);
      if (record !== null) return record;
      if (performance.now() > deadline) throw busy(path);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Of all mailboxes, those at whose door nobody is. */
  static *each(directory: string): Generator<{ mailbox: string; record: QueueRecord }> {
    for (const file of listing(directory)) {
      const mailbox = queueRecordOf(file);
      const record =
        mailbox === null ? null : QueueRecord.tryEnter(queueRecordFile(directory, mailbox), false);
      if (mailbox !== null && record !== null) yield { mailbox, record };
    }
  }

  private static tryEnter(path: string, create: boolean): QueueRecord | null {
    let lock: FileLock;
    try {
      lock = new FileLock(path, { create });
    } catch (error) {
      if (!create && hasSystemCode(error, 'ERR_PEER_DOWN')) return null;
      throw error;
    }
    // Between the two it may have been removed.
    if (lock.tryLock(DOOR, 1) && existsSync(path)) return new QueueRecord(path, lock);
    lock.close();
    return null;
  }

  /** Through the door again, of a record that is kept. */
  async enterAgain(): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (!this.lock.tryLock(DOOR, 1)) {
      if (performance.now() > deadline) throw busy(this.path);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Null where it was never finished. */
  read(): Made | null {
    try {
      return JSON.parse(readFileSync(this.path, 'utf8')) as Made;
    } catch {
      return null;
    }
  }

  write(made: Made): void {
    writeFileSync(this.path, JSON.stringify(made));
  }

  /** This process has it open, from now until the record is closed. */
  use(): void {
    this.lock.tryLock(USERS, 1, { shared: true });
  }

  /** Whether nobody else has it open. This process no longer counts. */
  isLast(): boolean {
    return this.lock.tryLock(USERS, 1);
  }

  exit(): void {
    this.lock.unlock(DOOR, 1);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  close(): void {
    this.lock.close();
  }
}

function busy(path: string): PigeonholeError {
  return new PigeonholeError(
    'ERR_TRANSPORT',
    `another process has been opening or leaving the mailbox of ${path} for ${PATIENCE} ms; if it was stopped there, let it go on or end it`,
    { transport: 'mqueue-kernel', address: path },
  );
}

function listing(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return [];
    throw error;
  }
}
