import type { Socket } from 'node:net';
import { hasSystemCode, PigeonholeError } from '@pigeonhole/core/transport';
import type { UdsAllow } from './options.js';

type Native = typeof import('@pigeonhole/native');

/** Decides who may be at the other end of a connection, by what the kernel says (SO_PEERCRED in unix(7)). */
export class Gate {
  /** Before the first port is open. */
  static readonly unasked = new Gate(null, 'not asked for yet');

  private constructor(
    private readonly native: Native | null,
    readonly description: string,
    private readonly allow: UdsAllow = {},
  ) {}

  /** `ERR_NATIVE_UNAVAILABLE` when `allow` asks for what only native code can find out, and there is none. */
  static async make(allow: UdsAllow | undefined): Promise<Gate> {
    const native = await load();
    const problem =
      native === null
        ? new PigeonholeError('ERR_NATIVE_UNAVAILABLE', 'the package @pigeonhole/native is not installed')
        : native.nativeProblem();
    if (native !== null && problem === undefined)
      return new Gate(native, `their user is checked (SO_PEERCRED): ${describe(allow)}`, allow);
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
    let peer: { pid: number; uid: number; gid: number };
    try {
      peer = this.native.peerCredentials(socket);
    } catch (error) {
      return error as PigeonholeError;
    }
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

async function load(): Promise<Native | null> {
  try {
    return await import('@pigeonhole/native');
  } catch (error) {
    if (hasSystemCode(error, 'ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND')) return null;
    throw error;
  }
}
