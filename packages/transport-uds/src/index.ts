import type { Socket } from 'node:net';
import {
  connectUnix,
  type Link,
  type LinkHandler,
  type LinkTransport,
  listenUnix,
  type Port,
  type PortContext,
  type UnixListener,
} from '@pigeonhole/core/transport';
import { Gate } from './gate.js';
import { checkOptions, type UdsOptions } from './options.js';

export type { UdsAllow, UdsOptions } from './options.js';

/**
 * Links over Unix stream sockets (unix(7)): any processes and worker threads of one user on one host. Needs no native code; with it
 * (`@pigeonhole/native`) the kernel is asked who is at the other end of each connection.
 *
 * Each process listens on one socket of mode 0600 in the runtime directory of mode 0700, under its incarnation's own name: nothing
 * it binds or unlinks can ever be another's. The kernel reports a dead process at once, and delivers what it had written.
 */
export default function uds(options: UdsOptions = {}): LinkTransport {
  checkOptions(options);
  let gate = Gate.unasked;
  return {
    kind: 'link',
    name: 'uds',
    capabilities: { sync: false, crossThread: true, crossProcess: true, crossHost: false, durable: false },
    open: async (context) => {
      gate = await Gate.make(options.allow);
      return UdsPort.open(context, gate);
    },
    details: () => ({ peers: gate.description }),
  };
}

class UdsPort implements Port {
  private constructor(
    readonly address: string,
    private readonly listener: UnixListener,
    private readonly gate: Gate,
  ) {}

  static async open(context: PortContext, gate: Gate): Promise<UdsPort> {
    const path = context.path('uds');
    const onConnection = (socket: Socket): void => {
      const refusal = gate.refusal(socket, path);
      if (refusal !== null) {
        socket.on('error', () => {});
        socket.destroy();
        context.warn(refusal);
        return;
      }
      const link = new UdsLink(socket);
      link.report(context.accept(link));
    };
    const listener = await listenUnix(path, context.staging(path), onConnection, (error) =>
      context.warn(error),
    );
    return new UdsPort(path, listener, gate);
  }

  async connect(address: string, handler: LinkHandler): Promise<Link> {
    const socket = await connectUnix(address);
    const refusal = this.gate.refusal(socket, address);
    if (refusal !== null) {
      socket.destroy();
      throw refusal;
    }
    const link = new UdsLink(socket);
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
