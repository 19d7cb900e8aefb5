import { type ErrorCode, PigeonholeError } from '@pigeonhole/core/transport';
import type { ShmFault } from '@pigeonhole/native';

const codes: Record<ShmFault['kind'], ErrorCode> = {
  noSpace: 'ERR_NO_SPACE',
  corrupt: 'ERR_CORRUPT',
  version: 'ERR_VERSION',
  limit: 'ERR_OS_LIMIT',
  busy: 'ERR_TRANSPORT',
  system: 'ERR_TRANSPORT',
};

const advice: Record<ShmFault['kind'], string> = {
  noSpace:
    'receive some of its messages, raise its maxBytes, or give the shared memory file system more room (Docker: --shm-size)',
  corrupt: 'its shared memory is damaged; it is given up, and the next to open it gets a new one',
  version: 'use one version of @pigeonhole/transport-shm in all processes of the namespace',
  limit: 'close what is not needed, or raise the limit',
  busy: 'if a process was stopped there, let it go on or end it',
  system: 'see the cause',
};

export function isFault(error: unknown): error is ShmFault {
  return error instanceof Error && typeof (error as Partial<ShmFault>).kind === 'string';
}

/** What the native part has thrown, as the error that callers get. Anything else stays what it is. */
export function fromFault(error: unknown, what: string): unknown {
  if (!isFault(error)) return error;
  const denied = error.kind === 'system' && (error.errno === 1 || error.errno === 13);
  return new PigeonholeError(
    denied ? 'ERR_PERMISSION' : codes[error.kind],
    `${what} in shared memory: ${error.message}; ${advice[error.kind]}`,
    { transport: 'shm', errno: error.errno === 0 ? undefined : -error.errno, cause: error, address: what },
  );
}
