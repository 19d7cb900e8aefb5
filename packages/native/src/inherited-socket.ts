import { attempt } from './kernel-error.js';
import { native } from './load.js';

/** AF_UNIX and SOCK_STREAM of Linux (socket(2)). */
const AF_UNIX = 1;
const SOCK_STREAM = 1;

export interface InheritedSocket {
  /** A Unix stream socket that listens. */
  readonly listens: boolean;
  /** Where it is bound in the file system; '' for nowhere. */
  readonly path: string;
}

/**
 * What a descriptor is that this process was started with. From then on it is not passed on to programs that this process starts.
 * `ERR_TRANSPORT` for one that is no socket, or not open.
 */
export function adoptSocket(fd: number): InheritedSocket {
  const addon = native();
  const { family, type, listening, path } = attempt(`use descriptor ${fd}`, undefined, () =>
    addon.adoptSocket(fd),
  );
  return { listens: family === AF_UNIX && type === SOCK_STREAM && listening, path };
}

/** Another descriptor of the same, for who will close it. It is not passed on to programs that this process starts. */
export function duplicateDescriptor(fd: number): number {
  const addon = native();
  return attempt(`duplicate descriptor ${fd}`, undefined, () => addon.duplicate(fd));
}
