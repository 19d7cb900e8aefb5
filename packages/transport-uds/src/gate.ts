import type { Socket } from 'node:net';
import { ifInstalled, PigeonholeError } from '@pigeonhole/core/transport';
import type { Credentials } from '@pigeonhole/native';
import type { UdsAllow, UdsOptions } from './options.js';

export type Native = typeof import('@pigeonhole/native');

/** Decides who may be at the other end, by what the kernel says (SO_PEERCRED and SCM_CREDENTIALS in unix(7)). */
export class Gate {
  /** Before the first port is open. */
  static readonly unasked = new Gate(null, 'not asked for yet');

  private constructor(
    readonly native: Native | null,
    readonly description: string,
    private readonly allow: UdsAllow = {},
  ) {}

  /** `ERR_NATIVE_UNAVAILABLE` when `allow`, or the kind of socket, asks for what only native code can do, and there is none. */
  static async make({ allow, socket = 'stream', descriptors }: UdsOptions): Promise<Gate> {
    const native = await ifInstalled(() => import('@pigeonhole/native'));
    const problem =
      native === null
        ? new PigeonholeError('ERR_NATIVE_UNAVAILABLE', 'the package @pigeonhole/native is not installed')
        : native.nativeProblem();
    const how = socket === 'stream' ? 'SO_PEERCRED' : 'SCM_CREDENTIALS';
    if (native !== null && problem === undefined)
      return new Gate(native, `their user is checked (${how}): ${describe(allow)}`, allow);
    const needs =
      socket === 'dgram' ? "socket: 'dgram'" : descriptors === 'systemd' ? "descriptors: 'systemd'" : null;
    if (needs !== null)
      throw new PigeonholeError(
        'ERR_NATIVE_UNAVAILABLE',
        `${needs} of transport 'uds' cannot be had: ${problem?.message}; without that option it needs no native code`,
        { transport: 'uds', cause: problem },
      );
    if (allow !== undefined)
      throw new PigeonholeError(
        'ERR_NATIVE_UNAVAILABLE',
        `option allow of transport 'uds' cannot be kept: ${problem?.message}; leave it out to rely on the mode of the directory`,
        { transport: 'uds', cause: problem },
      );
    return new Gate(
      null,
      'their user is not checked, for want of @pigeonhole/native: the directory of mode 0700 keeps others out',
    );
  }

  /** Null for who may; else `ERR_PERMISSION`, naming who it is. */
  refusal(socket: Socket, path: string): PigeonholeError | null {
    if (this.native === null || socket.destroyed) return null;
    try {
      return this.judge(this.native.peerCredentials(socket), path);
    } catch (error) {
      return error as PigeonholeError;
    }
  }

  /** The same for a process of which the kernel has said who it is. */
  judge(peer: Credentials, path: string): PigeonholeError | null {
    const { uids = [], gids = [] } = this.allow;
    if (peer.uid === process.geteuid?.() || uids.includes(peer.uid) || gids.includes(peer.gid)) return null;
    return new PigeonholeError(
      'ERR_PERMISSION',
      `refused process ${peer.pid} of user ${peer.uid}, group ${peer.gid} at ${path}: allowed are ${describe(this.allow)}; see option allow of transport 'uds'`,
      { transport: 'uds', address: path },
    );
  }
}

function describe({ uids = [], gids = [] }: UdsAllow = {}): string {
  const users = [...new Set([process.geteuid?.(), ...uids])].join(', ');
  return `user ${users}${gids.length > 0 ? ` and group ${gids.join(', ')}` : ''}`;
}
