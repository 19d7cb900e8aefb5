import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import {
  hasSystemCode,
  type Link,
  type LinkHandler,
  type LinkTransport,
  PigeonholeError,
  type Port,
  type PortContext,
  show,
  socketError,
} from '@pigeonhole/core/transport';
import { type Address, addressIn, formatAddress, publish, reachable, takesTls } from './address.js';
import { Handshakes } from './handshakes.js';
import { TcpLink } from './link.js';
import {
  checkOptions,
  neighboursOf,
  permittedAddress,
  readCredentials,
  type TcpOptions,
  type TlsOptions,
} from './options.js';

export type { TcpOptions, TlsOptions } from './options.js';

/** How long a connection may take to come about, its TLS handshake included (milliseconds). */
const CONNECT_PATIENCE = 10_000;

/**
 * Links over TCP connections (tcp(7)), with TCP_NODELAY. Each process listens on one port, by default of the loopback interface, and
 * publishes it in the runtime directory. With `tls`, both sides of every connection prove that the same authority knows them.
 *
 * Throws `ERR_CONFIG` for a bad option; a `listen` that needs protection and has none is refused when the runtime is created.
 */
export default function tcp(options: TcpOptions = {}): LinkTransport {
  checkOptions(options);
  return {
    kind: 'link',
    name: 'tcp',
    capabilities: { sync: false, crossThread: true, crossProcess: true, crossHost: true, durable: false },
    open: (context) => TcpPort.open(options, context),
  };
}

class TcpPort implements Port {
  readonly neighbours?: NonNullable<Port['neighbours']>;
  /** Connections that are being made. */
  private readonly dialling = new Set<Socket>();

  private constructor(
    readonly address: string,
    private readonly server: Server,
    private readonly tls: TlsOptions | undefined,
    neighbours: Port['neighbours'],
    private readonly heartbeat: number | undefined,
  ) {
    if (neighbours !== undefined) this.neighbours = neighbours;
  }

  static async open(options: TcpOptions, context: PortContext): Promise<TcpPort> {
    const wanted = await permittedAddress(options, context.self.name);
    const tls = options.tls && (await readCredentials(options.tls));
    const neighbours = neighboursOf(options);
    // Silence is judged after one interval at least and two at most.
    const heartbeat = neighbours && neighbours.silence / 2;
    const server = serve(tls, heartbeat, context);
    const bound = await listen(server, wanted);
    // A failed accept (EMFILE) costs that connection; the listener goes on.
    server.on('error', (error) => context.warn(tcpError(error, 'accept on', bound)));
    const address = publish(formatAddress(reachable(bound)), tls !== undefined);
    return new TcpPort(address, server, tls, neighbours, heartbeat);
  }

  async connect(address: string, handler: LinkHandler): Promise<Link> {
    const to = this.read(address);
    const link = new TcpLink(await dial(to, this.tls, this.dialling), this.heartbeat);
    link.report(handler);
    return link;
  }

  private read(address: string): Address {
    const protectedThere = takesTls(address);
    const to = addressIn(address);
    if (to !== null && protectedThere === (this.tls !== undefined)) return to;
    const problem =
      to === null
        ? 'it is no host:port, so that process does not listen on TCP'
        : `it is ${protectedThere ? '' : 'not '}protected by TLS, and this process has ${protectedThere ? 'no' : 'the'} option tls; give it to both, or to neither`;
    throw new PigeonholeError('ERR_TRANSPORT', `cannot connect to ${show(address)}: ${problem}`, {
      transport: 'tcp',
      address,
    });
  }

  async close(): Promise<void> {
    if (this.server.listening) this.server.close();
    for (const socket of this.dialling) socket.destroy(new Error('the port was closed'));
  }
}

function serve(tls: TlsOptions | undefined, heartbeat: number | undefined, context: PortContext): Server {
  const accept = (socket: Socket): void => {
    const link = new TcpLink(socket, heartbeat);
    link.report(context.accept(link));
  };
  if (tls === undefined) return createServer({ noDelay: true }, accept);
  const server = createTlsServer({
    ...tls,
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: CONNECT_PATIENCE,
  });
  new Handshakes(server, accept, context);
  return server;
}

function listen(server: Server, wanted: Address): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(tcpError(error, 'listen on', wanted)));
    server.listen(wanted, () => {
      server.removeAllListeners('error');
      const { address, port } = server.address() as { address: string; port: number };
      resolve({ host: address, port });
    });
  });
}

function dial(to: Address, tls: TlsOptions | undefined, under: Set<Socket>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = tls === undefined ? connect(to) : connectTls({ ...tls, ...to });
    socket.setNoDelay(true);
    under.add(socket);
    const fail = (error: Error): void => {
      reject(error instanceof PigeonholeError ? error : tcpError(error, 'connect to', to));
    };
    const patience = setTimeout(() => {
      socket.destroy(new Error(`no answer within ${CONNECT_PATIENCE} ms`));
    }, CONNECT_PATIENCE);
    const settled = (): void => {
      clearTimeout(patience);
      under.delete(socket);
    };
    socket.once('close', settled);
    socket.once('error', fail);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      settled();
      // Two ephemeral ports can be the same one: then the kernel joins the socket to itself (a simultaneous open).
      if (socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress)
        return socket.destroy(nobody(to, 'the connection ended at its own socket'));
      // Until the link reports, an error must not end the process; `close` then tells of it.
      socket.on('error', () => {});
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

function nobody(to: Address, why: string): PigeonholeError {
  const address = formatAddress(to);
  return new PigeonholeError(
    'ERR_PEER_DOWN',
    `cannot connect to ${address}: nothing listens there (${why})`,
    {
      transport: 'tcp',
      address,
    },
  );
}

/** A socket's system error as one of ours: what is particular to TCP here, the rest as core says it. */
function tcpError(error: Error, doing: string, at: Address): PigeonholeError {
  const address = formatAddress(at);
  const details = { cause: error, errno: (error as NodeJS.ErrnoException).errno, transport: 'tcp', address };
  if (hasSystemCode(error, 'EADDRINUSE'))
    return new PigeonholeError(
      'ERR_IN_USE',
      `cannot ${doing} ${address}: another socket has that port (EADDRINUSE); give each process a port of its own (option listen), or 0`,
      details,
    );
  if (hasSystemCode(error, 'EADDRNOTAVAIL') && doing === 'connect to')
    return new PigeonholeError(
      'ERR_OS_LIMIT',
      `cannot ${doing} ${address}: no local port is left (EADDRNOTAVAIL); see sysctl net.ipv4.ip_local_port_range`,
      details,
    );
  const known = socketError(error, doing, address);
  return new PigeonholeError(known.code, known.message, details);
}
