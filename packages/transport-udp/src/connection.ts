import type { Buffer } from 'node:buffer';
import { charge } from './charge.js';
import { type DataPacket, decodeData, encodeData } from './packet.js';
import { Receiving } from './receiving.js';
import { type Segment, Sending } from './sending.js';

/** What may wait to be sent before the writer is asked to pause, and how little is left when it is asked to go on (bytes). */
const HIGH_WATER = 256 * 1024;
const LOW_WATER = 64 * 1024;
/** A connection on which nothing has come for so long asks whether it is still known at the other side (milliseconds). */
const KEEP_ALIVE = 5_000;

export interface ConnectionSettings {
  /** Most bytes of the stream in one datagram. */
  readonly mostPayload: number;
  /** What the other side may have under way now, in charged bytes. */
  ownWindow(): number;
}

/** What a connection does to the world. Only `transmit` is called from within `write`, `close` and `start`. */
export interface ConnectionOutput {
  /** Sends one datagram. The pieces are never changed afterwards. */
  transmit(pieces: Uint8Array[]): void;
  /** The next bytes of the stream. The chunk is the receiver's. */
  data(chunk: Buffer): void;
  drain(): void;
  /** Both streams have ended. */
  over(): void;
}

/**
 * One end of an established connection: a reliable, ordered stream in each direction over datagrams that may be lost, doubled and
 * reordered. It has no socket, no clock and no timer: `now` is given (milliseconds, never decreasing), and `timeout` is to be called at `deadline`.
 */
export class Connection {
  ended = false;
  readonly sending: Sending;
  readonly receiving = new Receiving();
  private remote: string | null = null;
  private blocked = false;
  private heardAt = 0;

  constructor(
    private readonly settings: ConnectionSettings,
    private readonly output: ConnectionOutput,
  ) {
    this.sending = new Sending(settings.mostPayload, (tx, segment) => this.transmit(tx, segment));
  }

  /** The handshake is done: `remote` is the other side's connection id, `window` its receive window. What was written leaves. */
  start(remote: string, window: number, now: number): void {
    this.remote = remote;
    this.sending.window = window;
    this.heardAt = now;
    this.sending.pump(now);
  }

  get started(): boolean {
    return this.remote !== null;
  }

  /** Takes the batch. False: rather wait for `drain` before the next. */
  write(batch: Uint8Array, now: number): boolean {
    if (this.ended) return true;
    this.sending.write(batch);
    if (this.started) this.sending.pump(now);
    if (this.sending.unsentBytes > HIGH_WATER) this.blocked = true;
    return !this.blocked;
  }

  /** Ends the stream behind what was written. */
  close(now: number): void {
    if (this.ended) return;
    this.sending.finish();
    if (this.started) this.sending.pump(now);
  }

  /** Takes a datagram. False: it breaks the format, or cannot be of this connection; it was ignored. */
  receive(datagram: Buffer, now: number): boolean {
    const { sending, receiving } = this;
    const packet = decodeData(datagram, {
      tx: receiving.echo,
      seq: receiving.next,
      ack: sending.acknowledged,
      echo: sending.echoed,
    });
    if (packet === null || !sending.plausible(packet) || packet.tx < 0) return false;
    this.heardAt = now;
    if (packet.tx > 0) receiving.elicited(packet.tx, packet.seq === null, now);
    sending.onAcknowledgement(packet, now);
    this.deliver(packet);
    this.pump(now);
    this.finish(now);
    return true;
  }

  get deadline(): number {
    if (this.ended || !this.started) return Infinity;
    const { sending, receiving } = this;
    return Math.min(
      sending.deadline,
      receiving.deadline,
      sending.idle ? this.heardAt + KEEP_ALIVE : Infinity,
    );
  }

  timeout(now: number): void {
    if (this.ended || !this.started) return;
    const { sending, receiving } = this;
    if (now >= sending.deadline) sending.timeout(now);
    else if (sending.idle && now >= this.heardAt + KEEP_ALIVE) sending.ask(now);
    this.pump(now);
    if (now >= receiving.deadline) this.acknowledge();
    // The other side has said its last word and does not hear ours: it is over for it.
    if (receiving.finished && sending.spoken) this.end();
  }

  /** At the end of a turn: acknowledges if more than one datagram, or a gap, waits for it. */
  settle(): void {
    if (!this.ended && this.receiving.urgent) this.acknowledge();
  }

  private deliver({ seq, payload, fin }: DataPacket): void {
    if (seq === null) return;
    for (const chunk of this.receiving.segment(seq, payload, fin, this.settings.ownWindow()))
      if (!this.ended && chunk.length > 0) this.output.data(chunk);
  }

  private finish(now: number): void {
    if (this.ended || !this.receiving.finished) return;
    // A stream that the other side has ended is not written to any longer than what waits.
    this.sending.finish();
    this.pump(now);
    if (this.sending.finished) this.end();
  }

  private end(): void {
    if (this.ended) return;
    this.acknowledge();
    this.ended = true;
    this.output.over();
  }

  private pump(now: number): void {
    if (this.ended || !this.started) return;
    this.sending.pump(now);
    if (this.blocked && this.sending.unsentBytes <= LOW_WATER) {
      this.blocked = false;
      this.output.drain();
    }
  }

  private acknowledge(): void {
    this.transmit(0, null);
  }

  private transmit(tx: number, segment: Segment | null): void {
    const { receiving } = this;
    const header = encodeData(this.remote as string, {
      tx,
      seq: segment === null ? null : segment.seq,
      fin: segment?.fin ?? false,
      ack: receiving.next,
      echo: receiving.echo,
      window: this.settings.ownWindow(),
      ranges: receiving.ranges(),
    });
    receiving.acknowledged();
    this.output.transmit(segment === null ? [header] : [header, ...segment.pieces]);
  }
}

/** The least that a window may be: two of the largest datagrams, so that one can be under way while the other is acknowledged. */
export function leastWindow(mostPayload: number): number {
  return 2 * charge(mostPayload);
}
