import type { Socket } from 'node:net';
import {
  connectUnix,
  type Link,
  type LinkHandler,
  listenInherited,
  listenUnix,
  type Port,
  type PortContext,
} from '@pigeonhole/core/transport';
import { type Activated, takeActivated } from './activation.js';
import type { Gate, Native } from './gate.js';
import type { UdsOptions } from './options.js';
import { StreamLink } from './stream-link.js';

/** What listens. */
interface Listener {
  close(): Promise<void>;
}

/** The listening socket of a process, and the connections with others. */
export class StreamPort implements Port {
  private constructor(
    readonly address: string,
    private readonly listener: Listener,
    private readonly gate: Gate,
  ) {}

  static async open(context: PortContext, gate: Gate, options: UdsOptions): Promise<StreamPort> {
    const activated = options.descriptors === 'systemd' ? takeActivated(gate.native as Native) : null;
    const path = activated?.path ?? context.path('uds');
    const onConnection = (socket: Socket): void => {
      const refusal = gate.refusal(socket, path);
      if (refusal !== null) {
        socket.on('error', () => {});
        socket.destroy();
        context.warn(refusal);
        return;
      }
      const link = new StreamLink(socket);
      link.report(context.accept(link));
    };
    const warn = (error: Error): void => context.warn(error);
    const listener =
      activated === null
        ? await listenUnix(path, context.staging(path), onConnection, warn)
        : await listenActivated(activated, onConnection, warn);
    return new StreamPort(path, listener, gate);
  }

  async connect(address: string, handler: LinkHandler): Promise<Link> {
    const socket = await connectUnix(address);
    const refusal = this.gate.refusal(socket, address);
    if (refusal !== null) {
      socket.destroy();
      throw refusal;
    }
    const link = new StreamLink(socket);
    link.report(handler);
    return link;
  }

  close(): Promise<void> {
    return this.listener.close();
  }
}

/** Its file is the service manager's. */
async function listenActivated(
  { fd, path, release }: Activated,
  onConnection: (socket: Socket) => void,
  warn: (error: Error) => void,
): Promise<Listener> {
  try {
    const server = await listenInherited(fd, path, onConnection, warn);
    return {
      close: async () => {
        if (server.listening) server.close();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}
