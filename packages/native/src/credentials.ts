import type { Socket } from 'node:net';
import { PigeonholeError } from '@pigeonhole/core/transport';
import type { Credentials } from './addon.js';
import { attempt } from './kernel-error.js';
import { native } from './load.js';

/** Node.js has the descriptor of a socket, but no public name for it. */
interface WithDescriptor {
  readonly _handle?: { readonly fd?: number } | null;
}

/**
 * Who connected to, or listens at, the other end of a Unix stream socket: as the kernel recorded it then (SO_PEERCRED), beyond the
 * peer's influence. `ERR_CLOSED` for a socket that is closed already.
 */
export function peerCredentials(socket: Socket | number): Credentials {
  const addon = native();
  const fd = typeof socket === 'number' ? socket : (socket as unknown as WithDescriptor)._handle?.fd;
  if (fd === undefined || fd < 0)
    throw new PigeonholeError('ERR_CLOSED', 'the credentials of a closed socket cannot be asked for');
  return attempt('ask for the credentials of a peer', undefined, () => addon.peerCredentials(fd));
}
