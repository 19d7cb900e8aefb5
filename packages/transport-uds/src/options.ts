import { PigeonholeError, show } from '@pigeonhole/core/transport';

/** Whose processes may be at the other end, beside this user's own. */
export interface UdsAllow {
  /** Numbers of users. */
  uids?: readonly number[];
  /** Numbers of groups: of a process its effective group counts, not its supplementary ones. */
  gids?: readonly number[];
}

export interface UdsOptions {
  /**
   * `'stream'` (SOCK_STREAM), the default: a connection between each two processes. `'dgram'` (SOCK_DGRAM): one socket for all that comes;
   * needs `@pigeonhole/native`, else `ERR_NATIVE_UNAVAILABLE`.
   */
  socket?: 'stream' | 'dgram';
  /**
   * `'systemd'`: the port is the listening socket with which a service manager has started this process (LISTEN_FDS in sd_listen_fds(3)), and
   * its path what others connect to. Only with `socket: 'stream'`; needs `@pigeonhole/native`. Default: the port makes its own.
   */
  descriptors?: 'systemd';
  /** Default: this user's processes only. Needs `@pigeonhole/native`. The file permissions must let them in as well. */
  allow?: UdsAllow;
}

const MAX_ID = 2 ** 32 - 2;

export function checkOptions(options: UdsOptions): void {
  for (const [key, value] of Object.entries(options)) {
    if (key === 'allow') checkAllow(value);
    else if (key === 'descriptors') checkDescriptors(value, options.socket);
    else if (key !== 'socket')
      throw refuse(`transport 'uds' has no option '${key}'; it has: socket, descriptors, allow`);
    else if (value !== undefined && value !== 'stream' && value !== 'dgram')
      throw refuse(`option socket of transport 'uds' is ${show(value)}; allowed: 'stream', 'dgram'`);
  }
}

function checkDescriptors(value: unknown, socket: unknown): void {
  if (value === undefined) return;
  if (value !== 'systemd')
    throw refuse(`option descriptors of transport 'uds' is ${show(value)}; allowed: 'systemd'`);
  if (socket === 'dgram')
    throw refuse(
      "option descriptors of transport 'uds' is 'systemd', which is for socket: 'stream', and socket is 'dgram'",
    );
}

function checkAllow(allow: unknown): void {
  if (allow === undefined) return;
  if (typeof allow !== 'object' || allow === null || Array.isArray(allow))
    throw refuse(
      `option allow of transport 'uds' is ${show(allow)}; it must be { uids?: [...], gids?: [...] }`,
    );
  for (const [key, ids] of Object.entries(allow)) {
    if (key !== 'uids' && key !== 'gids')
      throw refuse(`option allow of transport 'uds' has no '${key}'; it has: uids, gids`);
    const good = (id: unknown): boolean =>
      Number.isInteger(id) && (id as number) >= 0 && (id as number) <= MAX_ID;
    if (ids !== undefined && !(Array.isArray(ids) && ids.every(good)))
      throw refuse(
        `option allow.${key} of transport 'uds' is ${show(ids)}; it must be an array of whole numbers, 0 to ${MAX_ID}`,
      );
  }
}

function refuse(message: string): PigeonholeError {
  return new PigeonholeError('ERR_CONFIG', message, { transport: 'uds' });
}
