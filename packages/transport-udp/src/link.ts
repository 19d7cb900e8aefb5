import type { Buffer } from 'node:buffer';
import { type Link, type LinkHandler, PigeonholeError } from '@pigeonhole/core/transport';
import { place } from './address.js';
import { Connection } from './connection.js';
import { encodeReset } from './packet.js';
import type { Place } from './socket.js';

/** What a link asks of its port. */
export interface LinkOwner {
  /** What a link may have under way to this port, in charged bytes. */
  readonly window: number;
  send(pieces: Uint8Array[], to: Place): void;
  /** Calls back once everything that has come by now has been read. */
  afterArrivals(then: () => void): void;
  over(link: UdpLink): void;
}

/** A link over one connection: the protocol's machine (`Connection`) with a socket, a clock and a timer. */
export class UdpLink implements Link {
  readonly connection: Connection;
  /** The other side's connection id, once known. */
  remote: string | null = null;
  private handler!: LinkHandler;
  private ended = false;
  private written = 0;
  private readonly awaiting: { readonly after: number; readonly done: () => void }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private armedFor = Infinity;
  private readonly onTimer = (): void => {
    this.armedFor = Infinity;
    this.connection.timeout(performance.now());
    this.arm();
    this.tellSent();
  };

  /** `id`: what the other side's datagrams carry. */
  constructor(
    private readonly owner: LinkOwner,
    readonly id: string,
    /** Where the other side is. */
    readonly at: Place,
    mostPayload: number,
  ) {
    this.connection = new Connection(
      { mostPayload, ownWindow: () => owner.window },
      {
        transmit: (pieces) => owner.send(pieces, at),
        data: (chunk) => this.handler.data(chunk, true),
        drain: () => this.handler.drain(),
        over: () => this.end(),
      },
    );
  }

  report(handler: LinkHandler): void {
    this.handler = handler;
  }

  start(remote: string, window: number): void {
    if (this.ended || this.connection.started) return;
    this.remote = remote;
    this.connection.start(remote, window, performance.now());
    this.arm();
  }

  write(batch: Uint8Array): boolean {
    this.written += batch.length;
    const more = this.connection.write(batch, performance.now());
    this.arm();
    return more;
  }

  /** Out of this process's hands is what has been sent once: the network may still lose it. */
  sent(done: () => void): boolean {
    if (this.connection.sending.unsentBytes === 0) return true;
    this.awaiting.push({ after: this.written, done });
    return false;
  }

  close(): void {
    this.connection.close(performance.now());
    this.arm();
  }

  destroy(error?: Error): void {
    if (this.ended) return;
    if (this.remote !== null) this.owner.send([encodeReset(this.remote, false)], this.at);
    this.silence();
    // Not from within this call.
    setImmediate(() => this.handler.end(error));
  }

  peerDown(): void {
    this.owner.afterArrivals(() => this.lost('its process is gone'));
  }

  /** A datagram for this link. */
  receive(datagram: Buffer): boolean {
    if (this.ended || !this.connection.started) return true;
    const inOrder = this.connection.receive(datagram, performance.now());
    this.arm();
    this.tellSent();
    return inOrder;
  }

  /** The other side knows no such connection any more, or has dropped it. */
  reset(): void {
    if (this.connection.receiving.finished) this.end();
    else this.lost('the other side broke it off');
  }

  lost(why: string): void {
    const at = place(this.at.host, this.at.port);
    this.end(
      new PigeonholeError('ERR_PEER_DOWN', `the connection with ${at} is over: ${why}`, { address: at }),
    );
  }

  end(error?: Error): void {
    if (this.ended) return;
    this.silence();
    this.handler.end(error);
  }

  private tellSent(): void {
    const sent = this.written - this.connection.sending.unsentBytes;
    while (this.awaiting[0] !== undefined && this.awaiting[0].after <= sent) this.awaiting.shift()?.done();
  }

  private silence(): void {
    this.ended = true;
    this.connection.ended = true;
    clearTimeout(this.timer);
    this.owner.over(this);
  }

  /** One timer, set again only when something is due before it: most deadlines move on before they come. */
  private arm(): void {
    const { deadline } = this.connection;
    if (deadline >= this.armedFor) return;
    clearTimeout(this.timer);
    this.armedFor = deadline;
    // The socket keeps the process alive as long as there are links.
    this.timer = setTimeout(this.onTimer, Math.max(1, Math.ceil(deadline - performance.now()))).unref();
  }
}
