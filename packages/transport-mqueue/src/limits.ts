import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { hasSystemCode, PigeonholeError } from '@pigeonhole/core/transport';

const { EINVAL, EMFILE, ENOSPC, EPERM } = constants.errno;

/** What the kernel lets this user have. */
export type Limit =
  | 'fs.mqueue.msg_max'
  | 'fs.mqueue.msgsize_max'
  | 'fs.mqueue.queues_max'
  | 'kernel.msgmax'
  | 'kernel.msgmnb'
  | 'kernel.msgmni';

/** The present value of a sysctl; the kernel's default where /proc does not tell. */
export function sysctl(name: Limit): number {
  const fallback = { 'fs.mqueue.msg_max': 10, 'fs.mqueue.queues_max': 256, 'kernel.msgmnb': 16_384 };
  try {
    return Number(readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8'));
  } catch {
    return (fallback as Partial<Record<Limit, number>>)[name] ?? 8192;
  }
}

/** Says which limit, what it is and what it would have to be; `then`: what to do besides. */
export function beyond(
  name: Limit,
  needed: number,
  what: string,
  cause?: unknown,
  then = '',
): PigeonholeError {
  return new PigeonholeError(
    'ERR_OS_LIMIT',
    `${what} needs sysctl ${name} to be ${needed}, and it is ${sysctl(name)}: raise it (sysctl -w ${name}=${needed})${then}, or ask for less`,
    { transport: 'mqueue', cause },
  );
}

/**
 * Bytes that a POSIX queue counts for in RLIMIT_MSGQUEUE (getrlimit(2)): of the messages, and of the two structures for each, of 48 bytes.
 */
export function posixCost(messages: number, messageBytes: number): number {
  return messages * (messageBytes + 96);
}

/** Bytes of all POSIX queues of this user together. */
function messageQueueLimit(): string {
  try {
    return /^Max msgqueue size +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** EMFILE has two meanings for mq_open(3). */
function descriptorsAreLeft(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return true;
  } catch (error) {
    return !hasSystemCode(error, 'EMFILE', 'ENFILE');
  }
}

export function isBudgetSpent(error: unknown): boolean {
  return (error as PigeonholeError).errno === -EMFILE && descriptorsAreLeft();
}

/** What kept a POSIX queue from being made, with its limit. */
export function posixLimit(error: unknown, messages: number, messageBytes: number, what: string): unknown {
  if (!(error instanceof PigeonholeError)) return error;
  const make = `${what} of ${messages} messages of ${messageBytes} bytes`;
  if (isBudgetSpent(error))
    return new PigeonholeError(
      'ERR_OS_LIMIT',
      `${make} needs ${posixCost(messages, messageBytes)} bytes of RLIMIT_MSGQUEUE, which is ${messageQueueLimit()} for all POSIX message queues of ` +
        'this user together, and too little of it is left: raise it (ulimit -q), close others, or ask for less',
      { transport: 'mqueue', errno: error.errno, cause: error },
    );
  if (error.errno === -EINVAL && messages > sysctl('fs.mqueue.msg_max'))
    return beyond('fs.mqueue.msg_max', messages, make, error);
  if (error.errno === -EINVAL) return beyond('fs.mqueue.msgsize_max', messageBytes, make, error);
  if (error.errno === -ENOSPC)
    return beyond('fs.mqueue.queues_max', sysctl('fs.mqueue.queues_max') + 1, make, error);
  return error;
}

/** What kept a System V queue from being made, or from holding so many bytes, with its limit. */
export function sysvLimit(error: unknown, maxBytes: number, what: string): unknown {
  if (!(error instanceof PigeonholeError)) return error;
  if (error.errno === -ENOSPC) return beyond('kernel.msgmni', sysctl('kernel.msgmni') + 1, what, error);
  if (error.errno === -EPERM && maxBytes > sysctl('kernel.msgmnb'))
    return beyond('kernel.msgmnb', maxBytes, what, error);
  return error;
}
