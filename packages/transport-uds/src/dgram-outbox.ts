import { Buffer } from 'node:buffer';
import { type Outbox, type OutboxEvents, PigeonholeError } from '@pigeonhole/core/transport';
import type { DatagramSender } from '@pigeonhole/native';
import { DATAGRAM_HEAD, Kind, writeHead } from './dgram-frames.js';
import type { Native } from './gate.js';

const nothing = new Uint8Array(0);

/**
 * This process's datagrams to the socket of another. Through a socket of its own: what lies unreceived counts against the socket that
 * sent it, and a stopped process is to hold up nobody else.
 */
export class DatagramOutbox implements Outbox {
  private readonly sender: DatagramSender;

  /** `ERR_PEER_DOWN` when nobody receives there. */
  constructor(
    native: Native,
    path: string,
    private readonly events: OutboxEvents,
  ) {
    this.sender = new native.DatagramSender(path, { onRoom: () => events.room() });
  }

  get maxBytes(): number {
    return this.sender.maxBytes;
  }

  write(head: Uint8Array, body: Uint8Array, start: number, end: number): boolean {
    const sent = this.sender.send(head, body, start, end);
    if (!sent) this.sender.awaitRoom();
    return sent;
  }

  /** Has `gone` reported if nobody receives there any more. A datagram too many for who is merely slow does no harm. */
  probe(): void {
    const head = Buffer.alloc(DATAGRAM_HEAD);
    writeHead(head, Kind.probe, 0n);
    try {
      this.sender.send(head, nothing, 0, 0);
    } catch (error) {
      if (!(error instanceof PigeonholeError)) throw error;
      setImmediate(() => this.events.gone());
    }
  }

  close(): void {
    this.sender.close();
  }
}
