import type { Socket } from 'node:net';
import {
  connectUnix,
  type Link,
  type LinkHandler,
  type LinkTransport,
  listenUnix,
  PigeonholeError,
  type Port,
  type PortContext,
  socketError,
  type UnixListener,
} from '@pigeonhole/core/transport';

export interface UdsOptions {
  /** Only `'stream'` (SOCK_STREAM), the default. */
  socket?: 'stream';
}

/**
 * Links over Unix stream sockets (unix(7)): any processes and worker threads of one user on one host, no native code.
 *
 * Each process listens on one socket of mode 0600 in the runtime directory of mode 0700, under its incarnation's own name: nothing
 * it binds or unlinks can ever be another's. The kernel reports a dead process at once, and delivers what it had written.
 */
export default function uds(options: UdsOptions = {}): LinkTransport {
  checkOptions(options);
  return {
    kind: 'link',
    name: 'uds',
    capabilities: { sync: false, crossThread: true, crossProcess: true, crossHost: false, durable: false },
    open: (context) => UdsPort.open(context),
  };
}

class UdsPort implements Port {
  private constructor(
    readonly address: string,
    private readonly listener: UnixListener,
  ) {}

  static async open(context: PortContext): Promise<UdsPort> {
    const path = context.path('uds');
    const listener = await listenUnix(path, context.staging(path), (socket) => {
      const link = new UdsLink(socket);
      link.report(context.accept(link));
    });
    // A failed accept (EMFILE) costs that connection; the listener goes on.
    listener.server.on('error', (error) => context.warn(socketError(error, 'accept on', path)));
    return new UdsPort(path, listener);
  }

  async connect(address: string, handler: LinkHandler): Promise<Link> {
    const link = new UdsLink(await connectUnix(address));
    link.report(handler);
    return link;
  }

  close(): Promise<void> {
    return this.listener.close();
  }
}

class UdsLink implements Link {
  private error: Error | undefined;

  constructor(private readonly socket: Socket) {}

  report(handler: LinkHandler): void {
    const { socket } = this;
    // Each chunk is a buffer of its own (net allocates one a read), so the handler may keep views of it.
    socket.on('data', (chunk: Buffer) => handler.data(chunk, true));
    socket.on('drain', () => handler.drain());
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => handler.end(this.error));
  }

  write(batch: Uint8Array): boolean {
    return this.socket.write(batch);
  }

  close(): void {
    this.socket.end();
  }

  destroy(error?: Error): void {
    this.socket.destroy(error);
  }
}

function checkOptions(options: UdsOptions): void {
  for (const [key, value] of Object.entries(options)) {
    if (key !== 'socket')
      throw new PigeonholeError('ERR_CONFIG', `transport 'uds' has no option '${key}'; it has: socket`, {
        transport: 'uds',
      });
    if (value !== 'stream')
      throw new PigeonholeError(
        'ERR_CONFIG',
        `option socket of transport 'uds' is ${JSON.stringify(value)}; allowed: 'stream'`,
        {
          transport: 'uds',
        },
      );
  }
}
