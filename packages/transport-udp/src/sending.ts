import { charge } from './charge.js';
import { Congestion } from './congestion.js';
import type { DataPacket } from './packet.js';
import { RoundTrip } from './round-trip.js';

/** Transmissions after it that must have come for one to count as lost at once (RFC 9002, 6.1.1). */
const REORDERING = 3;
/** Timeouts that send a segment again. Those after it only ask: a stopped process must find room in its receive buffer. */
const SENT_AGAIN = 2;
/** Timeouts that send two datagrams. After those it is likelier that nobody listens now. */
const IN_PAIRS = 8;
/** Timeouts after which the last word counts as heard by a side that has said its own. */
const FAREWELLS = 5;

/** A piece of the stream, cut once: it keeps number and bytes however often it is sent. */
export class Segment {
  /** Of its latest transmission. */
  tx = 0;
  sentAt = 0;
  /** Sent again at least once. */
  again = false;
  /** Counts against the windows. */
  underWay = false;

  constructor(
    readonly seq: number,
    readonly pieces: readonly Uint8Array[],
    readonly fin: boolean,
    readonly charged: number,
  ) {}
}

/** Sends a datagram with this segment, or (null) one that only asks for an acknowledgement. */
export type Transmit = (tx: number, segment: Segment | null) => void;

/** The sending half of a connection: cuts the stream into segments, sends what the windows allow, and again what was lost. */
export class Sending {
  unsentBytes = 0;
  /** The other side's receive window. */
  window = 0;
  /** What is out has been acknowledged, the last segment included. */
  finished = false;
  readonly roundTrip = new RoundTrip();
  readonly congestion: Congestion;
  /** Segments sent more than once. */
  retransmissions = 0;
  /** Highest transmission so far. */
  tx = 0;
  /** All segments before this one have been acknowledged. */
  acknowledged = 0;
  /** Highest transmission known to have come. */
  echoed = 0;
  private unsent: Uint8Array[] = [];
  private ending: 'no' | 'asked' | 'sent' = 'no';
  private nextSeq = 0;
  private readonly out = new Map<number, Segment>();
  private readonly lost = new Set<Segment>();
  private underWay = 0;
  private sentAgain = 0;
  private asked: { tx: number; at: number } | null = null;
  private inVain = 0;
  /** What the timeout counts from. */
  private since = 0;
  /** When something that is late counts as lost. */
  private lossAt = Infinity;

  constructor(
    private readonly mostPayload: number,
    private readonly transmit: Transmit,
  ) {
    this.congestion = new Congestion(charge(mostPayload));
  }

  get idle(): boolean {
    return this.out.size === 0 && this.asked === null;
  }

  write(batch: Uint8Array): void {
    if (this.ending !== 'no' || batch.length === 0) return;
    this.unsent.push(batch);
    this.unsentBytes += batch.length;
  }

  /** The stream ends behind what was written. */
  finish(): void {
    if (this.ending === 'no') this.ending = 'asked';
  }

  /** Sends what the windows allow: first what was lost. */
  pump(now: number): void {
    for (const segment of this.lost) {
      if (!this.fits(segment.charged)) return;
      this.send(segment, now);
    }
    while (this.unsentBytes > 0 || this.ending === 'asked') {
      const length = Math.min(this.unsentBytes, this.mostPayload);
      const charged = charge(length);
      if (!this.fits(charged)) return;
      // A segment of its own: once only it is out, everything written has arrived.
      const fin = length === 0;
      if (fin) this.ending = 'sent';
      const segment = new Segment(this.nextSeq++, this.cut(length), fin, charged);
      this.out.set(segment.seq, segment);
      this.send(segment, now);
    }
  }

  /** False when it cannot be: it speaks of what was never sent. */
  plausible({ ack, echo, ranges }: DataPacket): boolean {
    const end = ranges.at(-1)?.to ?? ack;
    return ack >= 0 && end <= this.nextSeq && echo >= 0 && echo <= this.tx;
  }

  onAcknowledgement({ ack, echo, window, ranges }: DataPacket, now: number): void {
    const busy = this.underWay * 2 >= Math.min(this.congestion.window, this.window);
    // What is older than the newest acknowledgement may carry a window of long ago.
    if (ack >= this.acknowledged && echo >= this.echoed) this.window = window;
    if (echo > this.echoed) {
      this.echoed = echo;
      this.answered(echo, now);
    }
    let arrived = false;
    for (; this.acknowledged < ack; this.acknowledged++)
      arrived = this.arrived(this.acknowledged, echo, now, busy) || arrived;
    for (const { from, to } of ranges)
      for (let seq = from; seq < to; seq++) arrived = this.arrived(seq, echo, now, busy) || arrived;
    if (arrived) this.answered(0, now);
    this.findLost(now);
    this.finished = this.ending === 'sent' && this.out.size === 0;
  }

  /** When `timeout` is to be called. */
  get deadline(): number {
    if (this.idle) return Infinity;
    return Math.min(this.lossAt, this.since + this.roundTrip.timeout(this.inVain));
  }

  timeout(now: number): void {
    if (now < this.deadline) return;
    if (now >= this.lossAt) return this.findLost(now);
    this.inVain++;
    if (this.inVain === SENT_AGAIN) this.congestion.collapse();
    const [oldest] = this.out.values();
    if (oldest !== undefined && this.inVain <= SENT_AGAIN) this.send(oldest, now);
    else this.ask(now);
    // Two datagrams are not as easily lost as one (RFC 9002, 6.2.4).
    if (this.inVain <= IN_PAIRS) this.ask(now);
  }

  /** Asks for an acknowledgement of whatever has come. */
  ask(now: number): void {
    this.tx++;
    this.asked = { tx: this.tx, at: now };
    this.since = now;
    this.transmit(this.tx, null);
  }

  /** Nothing but the end of the stream is out, and asking for its receipt is in vain. */
  get spoken(): boolean {
    const [oldest] = this.out.values();
    return this.inVain >= FAREWELLS && this.unsentBytes === 0 && oldest?.fin === true;
  }

  private fits(charged: number): boolean {
    return this.underWay === 0 || this.underWay + charged <= Math.min(this.congestion.window, this.window);
  }

  private cut(length: number): readonly Uint8Array[] {
    const pieces: Uint8Array[] = [];
    this.unsentBytes -= length;
    let used = 0;
    for (let left = length; left > 0; ) {
      const batch = this.unsent[used] as Uint8Array;
      if (batch.length <= left) {
        pieces.push(batch);
        used++;
        left -= batch.length;
      } else {
        pieces.push(batch.subarray(0, left));
        this.unsent[used] = batch.subarray(left);
        left = 0;
      }
    }
    this.unsent.splice(0, used);
    return pieces;
  }

  private send(segment: Segment, now: number): void {
    this.lost.delete(segment);
    if (segment.tx !== 0) {
      this.retransmissions++;
      if (!segment.again) this.sentAgain++;
      segment.again = true;
    }
    if (!segment.underWay) this.underWay += segment.charged;
    segment.underWay = true;
    segment.tx = ++this.tx;
    segment.sentAt = now;
    this.since = now;
    this.transmit(segment.tx, segment);
  }

  /** Something has come back: there is somebody, and what is out is not late yet. */
  private answered(echo: number, now: number): void {
    this.inVain = 0;
    this.since = now;
    if (this.asked === null || echo < this.asked.tx) return;
    if (echo === this.asked.tx) this.roundTrip.sample(now - this.asked.at);
    this.asked = null;
  }

  private arrived(seq: number, echo: number, now: number, busy: boolean): boolean {
    const segment = this.out.get(seq);
    if (segment === undefined) return false;
    this.out.delete(seq);
    this.lost.delete(segment);
    if (segment.again) this.sentAgain--;
    if (segment.underWay) this.underWay -= segment.charged;
    if (segment.tx === echo) this.roundTrip.sample(now - segment.sentAt);
    this.congestion.acknowledged(segment.charged, segment.sentAt, busy);
    return true;
  }

  /** What was sent before something that has come, and long enough ago or enough before it, has not. */
  private findLost(now: number): void {
    this.lossAt = Infinity;
    const late = this.roundTrip.reordering;
    for (const segment of this.out.values()) {
      if (segment.tx >= this.echoed) {
        // Of segments sent once, those behind it were sent later still.
        if (this.sentAgain === 0) return;
        continue;
      }
      if (!segment.underWay) continue;
      if (segment.tx + REORDERING <= this.echoed || segment.sentAt + late <= now) {
        segment.underWay = false;
        this.underWay -= segment.charged;
        this.lost.add(segment);
        this.congestion.lost(segment.sentAt, now);
      } else this.lossAt = Math.min(this.lossAt, segment.sentAt + late);
    }
  }
}
