import { Buffer } from 'node:buffer';
import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { hasSystemCode, PigeonholeError } from '@pigeonhole/core/transport';
import { type Address, place } from './address.js';
import { NO_COOKIE, prove } from './handshake.js';
import type { LinkOwner, UdpLink } from './link.js';
import { encodeInit, encodeMark, Refusal, VERSION } from './packet.js';

/** Between the first two tries (milliseconds); then twice as long each time. */
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 1_000;
/** After so long without an answer the other side counts as busy or stopped: the link is given out, and waits. */
const PATIENCE = 500;

/** The dialling half of the handshake: `init`, `cookie`, `init` with it, `welcome`. Goes on until there is an answer or the link is over. */
export class Dial {
  private cookie = NO_COOKIE;
  private pause = FIRST_PAUSE;
  private timer: NodeJS.Timeout | undefined;
  private patience: NodeJS.Timeout | undefined;
  private probe: Socket | null = null;
  private connected = false;
  private settle: { resolve(): void; reject(error: Error): void } | null = null;

  constructor(
    private readonly owner: LinkOwner,
    readonly link: UdpLink,
    private readonly to: Address,
    /** From which to ask whether there is a socket. */
    private readonly from: string,
  ) {}

  /** Resolves when the link can be used: connected, or to a port that is there and does not answer yet. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      this.patience = setTimeout(() => this.settled(), PATIENCE);
      this.knock();
    });
  }

  onCookie(cookie: Buffer): void {
    this.cookie = Buffer.from(cookie);
    clearTimeout(this.timer);
    this.knock();
  }

  onWelcome(remote: string, window: number): void {
    this.stop();
    this.link.start(remote, window);
    this.settled();
  }

  onRefused(reason: number): void {
    const at = place(this.to.host, this.to.port);
    if (reason === Refusal.version)
      this.fail(
        new PigeonholeError(
          'ERR_VERSION',
          `${at} does not speak version ${VERSION} of the UDP protocol; run the same version of @pigeonhole/transport-udp in both processes`,
          { transport: 'udp', address: at },
        ),
      );
    else this.fail(this.nobody());
  }

  /** The link is over. */
  stop(): void {
    clearTimeout(this.timer);
    clearTimeout(this.patience);
    this.probe?.close();
    this.probe = null;
  }

  fail(error: Error): void {
    this.stop();
    const { settle } = this;
    this.settle = null;
    if (settle === null) this.link.end(error);
    else settle.reject(error);
  }

  private nobody(): PigeonholeError {
    const at = place(this.to.host, this.to.port);
    return new PigeonholeError('ERR_PEER_DOWN', `cannot connect to ${at}: nothing listens there`, {
      transport: 'udp',
      address: at,
    });
  }

  private settled(): void {
    clearTimeout(this.patience);
    this.probe?.close();
    this.probe = null;
    this.settle?.resolve();
    this.settle = null;
  }

  private knock(): void {
    const { key } = this.to;
    this.owner.send([prove(key, encodeInit(this.link.id, this.owner.window, this.cookie))], this.link.at);
    // Once the link has been given out it must not keep the process alive for ever.
    this.timer = setTimeout(() => {
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
      if (this.settle !== null) this.ask();
      this.knock();
    }, this.pause);
    this.timer.unref();
  }

  /** Asks the kernel whether there is a socket: only one that is connected is told of a refusal (udp(7)). */
  private ask(): void {
    const { host, port } = this.to;
    const probe = this.probe ?? createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    const told = (error?: Error | null): void => {
      if (hasSystemCode(error, 'ECONNREFUSED') && this.probe === probe) this.fail(this.nobody());
    };
    const knock = (): void => {
      if (this.probe === probe) probe.send(encodeMark(this.link.id), told);
    };
    if (this.probe !== null) return this.connected ? knock() : undefined;
    this.probe = probe;
    // What else befalls it leaves the question open.
    probe.on('error', told);
    probe.bind({ address: this.from, port: 0, exclusive: true }, () => {
      if (this.probe === probe)
        probe.connect(port, host, () => {
          this.connected = true;
          knock();
        });
    });
  }
}
