import { existsSync } from 'node:fs';
import { chmod, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { hasSystemCode, PigeonholeError } from './errors.js';
import { checkSocketPath, pathError } from './naming.js';

/**
 * A full backlog of a busy or stopped listener answers EAGAIN: it is alive, so it is asked again (unix(7), connect(2)). So it
 * is after ECONNRESET: it stopped listening before it had accepted, and the next answer says whether for good.
 */
const BACKLOG_PAUSE = 10;
const BACKLOG_TRIES = 100;

/** How often a listener looks whether its socket file is still there (milliseconds). */
const LOOK = 1_000;

/**
 * Listens on a Unix socket of mode 0600. The socket is bound under a name of its own and renamed once it answers: under `path` there is
 * never a socket that refuses although its process lives. `path` must be unique to this process's incarnation, so that
 * nobody ever binds or removes another's.
 *
 * A file that somebody removes (a cleaner of old files, say) is made anew within a second or so; connections stay.
 */
export async function listenUnix(
  path: string,
  staging: string,
  onConnection: (socket: Socket) => void,
  /** An accept that failed, or a socket file that is gone and cannot be made anew. The listener goes on. */
  warn: (error: Error) => void = () => {},
): Promise<UnixListener> {
  const bind = (): Promise<Server> => bound(path, staging, onConnection, warn);
  return new UnixListener(await bind(), path, bind, warn);
}

/**
 * Listens on a Unix socket that somebody else has bound and keeps: neither is its file ever removed, nor made anew. Owns the descriptor.
 */
export async function listenInherited(
  fd: number,
  path: string,
  onConnection: (socket: Socket) => void,
  warn: (error: Error) => void,
): Promise<Server> {
  const server = createServer({ allowHalfOpen: false }, onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(socketError(error, 'listen on', path)));
    server.listen({ fd }, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', (error) => warn(socketError(error, 'accept on', path)));
  return server;
}

async function bound(
  path: string,
  staging: string,
  onConnection: (socket: Socket) => void,
  warn: (error: Error) => void,
): Promise<Server> {
  checkSocketPath(staging);
  // Nothing here ends one half only: where the other side has ended, what was written before still leaves, and then both are over.
  const server = createServer({ allowHalfOpen: false }, onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, staging)));
    server.listen(staging, resolve);
  });
  server.removeAllListeners('error');
  try {
    await chmod(staging, 0o600);
    await rename(staging, path);
  } catch (error) {
    server.close();
    throw socketError(error as Error, 'listen on', path);
  }
  // A failed accept (EMFILE) costs that connection.
  server.on('error', (error) => warn(socketError(error, 'accept on', path)));
  return server;
}

/** libuv says EACCES where the kernel said ENOENT, which here means: the last process to leave has removed the directory. */
function listenError(error: NodeJS.ErrnoException, path: string): PigeonholeError {
  const directory = dirname(path);
  const gone = error.code === 'EACCES' && !existsSync(directory);
  return gone
    ? pathError(Object.assign(error, { code: 'ENOENT' }), 'listen in', directory)
    : socketError(error, 'listen on', path);
}

export class UnixListener {
  private readonly looking: NodeJS.Timeout;
  private binding: Promise<void> | null = null;
  private closed = false;
  private warned = false;

  constructor(
    /** Who listens now. */
    public server: Server,
    readonly path: string,
    private readonly bind: () => Promise<Server>,
    private readonly warn: (error: Error) => void,
  ) {
    this.looking = setInterval(() => this.look(), LOOK).unref();
  }

  /** Stops listening and removes the socket file. Connections stay. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.looking);
    const stopped = this.stop();
    await this.binding;
    await Promise.all([stopped, this.stop()]);
  }

  private async stop(): Promise<void> {
    if (this.server.listening) this.server.close();
    await rm(this.path, { force: true });
  }

  private look(): void {
    if (this.closed || existsSync(this.path)) return;
    this.binding ??= this.renew().finally(() => {
      this.binding = null;
    });
  }

  private async renew(): Promise<void> {
    try {
      const former = this.server;
      this.server = await this.bind();
      this.warned = false;
      former.close();
    } catch (error) {
      if (!this.warned) this.warn(error as Error);
      this.warned = true;
    }
  }
}

/** Connects to a Unix socket. `ERR_PEER_DOWN` when nothing listens there (any more). */
export async function connectUnix(path: string): Promise<Socket> {
  checkSocketPath(path);
  for (let tries = 1; ; tries++) {
    try {
      return await connectOnce(path);
    } catch (error) {
      if (!hasSystemCode(error, 'EAGAIN', 'ECONNRESET') || tries === BACKLOG_TRIES)
        throw socketError(error as Error, 'connect to', path);
      await new Promise((resolve) => setTimeout(resolve, BACKLOG_PAUSE));
    }
  }
}

function connectOnce(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      // Until the caller listens, an error must not end the process; `destroyed` then tells of it.
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

/** A socket's system error as one of ours. */
export function socketError(error: Error, doing: string, path: string): PigeonholeError {
  const { errno, code } = error as NodeJS.ErrnoException;
  const details = { cause: error, errno, address: path };
  if (hasSystemCode(error, 'ECONNREFUSED', 'ENOENT'))
    return new PigeonholeError(
      'ERR_PEER_DOWN',
      `cannot ${doing} ${path}: nothing listens there (${code})`,
      details,
    );
  if (hasSystemCode(error, 'EACCES', 'EPERM'))
    return new PigeonholeError(
      'ERR_PERMISSION',
      `cannot ${doing} ${path}: this user may not (${code})`,
      details,
    );
  if (hasSystemCode(error, 'EMFILE', 'ENFILE'))
    return new PigeonholeError(
      'ERR_OS_LIMIT',
      `cannot ${doing} ${path}: no file descriptor is left (${code}); raise the limit with ulimit -n, or sysctl fs.file-max`,
      details,
    );
  if (hasSystemCode(error, 'ENOSPC', 'EDQUOT'))
    return new PigeonholeError(
      'ERR_NO_SPACE',
      `cannot ${doing} ${path}: the file system is full (${code})`,
      details,
    );
  return new PigeonholeError('ERR_TRANSPORT', `cannot ${doing} ${path}: ${error.message}`, details);
}
