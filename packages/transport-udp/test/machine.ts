/** Two ends of a connection, and between them a network whose every whim is given. Time is a number: nothing here waits. */
import { charge } from '../src/charge.js';
import { Connection } from '../src/connection.js';

/** What becomes of one datagram: lost, or delivered once for each delay (milliseconds). */
export type Fate = readonly number[];

export interface Datagram {
  readonly bytes: Buffer;
  readonly charged: number;
  readonly sentAt: number;
}

interface Arrival {
  readonly at: number;
  readonly to: End;
  readonly datagram: Datagram;
}

export const LATENCY = 0.1;

export class End {
  readonly connection: Connection;
  readonly received: Buffer[] = [];
  readonly sent: Datagram[] = [];
  /** Datagrams that arrived while it was stopped: its receive buffer. */
  readonly buffered: Datagram[] = [];
  drains = 0;
  overAt: number | null = null;
  stopped = false;

  constructor(
    readonly name: string,
    private readonly network: Network,
    mostPayload: number,
    window: number,
  ) {
    this.connection = new Connection(
      { mostPayload, ownWindow: () => window },
      {
        transmit: (pieces) => this.transmit(Buffer.concat(pieces)),
        data: (chunk) => void this.received.push(chunk),
        drain: () => void this.drains++,
        over: () => {
          this.overAt = network.now;
        },
      },
    );
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received);
  }

  write(bytes: Uint8Array): boolean {
    return this.connection.write(bytes, this.network.now);
  }

  close(): void {
    this.connection.close(this.network.now);
  }

  /** A datagram for it. A turn of its event loop brings exactly this one. */
  take(datagram: Datagram): void {
    if (this.stopped) return void this.buffered.push(datagram);
    if (!this.connection.ended) this.connection.receive(datagram.bytes, this.network.now);
    this.connection.settle();
  }

  resume(): void {
    this.stopped = false;
    for (const datagram of this.buffered.splice(0)) this.take(datagram);
  }

  private transmit(bytes: Buffer): void {
    const datagram = { bytes, charged: charge(bytes.length), sentAt: this.network.now };
    this.sent.push(datagram);
    this.network.carry(this, datagram);
  }
}

/** `fate` decides over each datagram in the order in which they are sent. */
export class Network {
  now = 0;
  readonly a: End;
  readonly b: End;
  private readonly arrivals: Arrival[] = [];
  private count = 0;

  constructor(
    private readonly fate: (at: number, from: End) => Fate = () => [LATENCY],
    { mostPayload = 1000, window = 64_000 } = {},
  ) {
    this.a = new End('a', this, mostPayload, window);
    this.b = new End('b', this, mostPayload, window);
    // Ids mean nothing to a connection but what it writes.
    this.a.connection.start('to end b', window, 0);
    this.b.connection.start('to end a', window, 0);
  }

  carry(from: End, datagram: Datagram): void {
    const to = from === this.a ? this.b : this.a;
    for (const delay of this.fate(this.count++, from)) {
      const at = this.now + delay;
      const later = this.arrivals.findIndex((other) => other.at > at);
      this.arrivals.splice(later < 0 ? this.arrivals.length : later, 0, { at, to, datagram });
    }
  }

  /** Lets time pass until it holds. Throws when a minute has passed in vain, which no watchdog of a real clock could say so well. */
  until(holds: () => boolean, what: string, patience = 60_000): void {
    const end = this.now + patience;
    while (!holds()) {
      if (!this.step(end)) throw new Error(`${what}: not within ${patience} ms of the machine's time`);
    }
  }

  /** Lets so much time pass. */
  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.step(end));
    this.now = end;
  }

  /** The next thing that is due, unless it is later than `end`. */
  private step(end: number): boolean {
    const ends = [this.a, this.b].filter(({ stopped }) => !stopped);
    const timer = Math.min(...ends.map(({ connection }) => connection.deadline));
    const next = Math.min(this.arrivals[0]?.at ?? Infinity, timer);
    if (next > end) return false;
    this.now = Math.max(this.now, next);
    if (this.arrivals[0] !== undefined && this.arrivals[0].at <= this.now) {
      const { to, datagram } = this.arrivals.shift() as Arrival;
      to.take(datagram);
    } else for (const { connection } of ends) connection.timeout(this.now);
    return true;
  }
}

/** Bytes that tell where they belong. */
export function text(length: number, seed = 0): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + seed) & 0xff;
  return bytes;
}
