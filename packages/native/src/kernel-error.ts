import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { type ErrorCode, PigeonholeError } from '@pigeonhole/core/transport';
import type { KernelFailure } from './addon.js';

const {
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  ECONNREFUSED,
  EDQUOT,
  EEXIST,
  EFBIG,
  ELOOP,
  EMFILE,
  ENAMETOOLONG,
  ENFILE,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOSYS,
  ENOTCONN,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
  EPROTOTYPE,
  ESRCH,
} = constants.errno;

interface Meaning {
  readonly code: ErrorCode;
  readonly advice: string;
}

const noSpace = { code: 'ERR_NO_SPACE', advice: 'the file system or memory is full' } as const;
const gone = { code: 'ERR_PEER_DOWN', advice: 'nobody is there any more' } as const;
const unsupported = { code: 'ERR_UNSUPPORTED', advice: 'this kernel or runtime does not have it' } as const;
const refused = { code: 'ERR_PERMISSION', advice: 'this user may not' } as const;
const descriptors = {
  code: 'ERR_OS_LIMIT',
  advice: 'no file descriptor is left; raise the limit with ulimit -n, or sysctl fs.file-max',
} as const;

const meanings = new Map<number, Meaning>([
  [ENOSPC, noSpace],
  [EDQUOT, noSpace],
  [EFBIG, noSpace],
  [ENOMEM, noSpace],
  [EMFILE, descriptors],
  [ENFILE, descriptors],
  [EACCES, refused],
  [EPERM, refused],
  [ELOOP, { code: 'ERR_PERMISSION', advice: 'a symbolic link is not followed' }],
  [EEXIST, { code: 'ERR_IN_USE', advice: 'it is there already' }],
  [ENAMETOOLONG, { code: 'ERR_PATH_TOO_LONG', advice: 'the path is too long' }],
  [ENOENT, gone],
  [ENXIO, gone],
  [EPIPE, gone],
  [ECONNREFUSED, gone],
  [ENOTCONN, gone],
  [ESRCH, gone],
  [EADDRINUSE, { code: 'ERR_IN_USE', advice: 'another socket has that address' }],
  [EADDRNOTAVAIL, { code: 'ERR_TRANSPORT', advice: 'that is no address of this machine' }],
  [EPROTOTYPE, { code: 'ERR_TRANSPORT', advice: 'it is a socket of another kind' }],
  [ENOSYS, unsupported],
  [EOPNOTSUPP, unsupported],
]);

/** The error of a kernel's number, with the code that `docs/errors.md` has for it; `ERR_TRANSPORT` for all others. */
export function kernelError(
  errno: number,
  doing: string,
  address?: string,
  cause?: unknown,
): PigeonholeError {
  const { code, advice } = meanings.get(errno) ?? { code: 'ERR_TRANSPORT', advice: 'the system refused' };
  return new PigeonholeError(code, `cannot ${doing}: ${advice} (${nameOf(errno)})`, {
    errno: -errno,
    address,
    cause,
  });
}

function nameOf(errno: number): string {
  return getSystemErrorName(-errno) ?? `errno ${errno}`;
}

/** Runs a call into the addon; a failed system call becomes a `PigeonholeError` that says what was being done. */
export function attempt<T>(doing: string, address: string | undefined, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { errno } = error as KernelFailure;
    if (typeof errno !== 'number' || error instanceof PigeonholeError) throw error;
    throw kernelError(Math.abs(errno), doing, address, error);
  }
}
