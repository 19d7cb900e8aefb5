/** What a runtime tells of an address, and of its own end. */
import type { Capacity } from './address.js';
import type { Drops, Undelivered } from './carrier.js';
import type { Capabilities } from './transport.js';

/** What `explain` tells of an address. */
export interface Explanation {
  readonly address: string;
  readonly transport: string;
  readonly kind: 'link' | 'store' | 'datagram';
  /** Why this transport. */
  readonly reason: string;
  /** The mailbox's own if this process has reached it, else what is configured; undefined: whatever it turns out to have. */
  readonly capacity: Capacity | undefined;
  /** Name of the process that hosts it, if known; null on a store. */
  readonly host: string | null;
  readonly codec: string;
  readonly capabilities: Capabilities;
  /** Over datagrams: what is known to have been lost so far. */
  readonly drops?: Drops;
  /** What the transport adds: what holds on this machine, under the present options. */
  readonly details: Readonly<Record<string, string>>;
  readonly limits: {
    readonly maxMessageBytes: number;
    readonly maxDepth: number;
    readonly maxNodes: number;
    readonly maxBytes: number;
  };
}

/** What `close` could not deliver. */
export interface CloseReport {
  /**
   * Accepted messages that went with the mailboxes hosted here: nobody else could take them over, or a receiver that was being
   * given one did not say within the deadline whether it took it (it was stopped).
   */
  readonly undelivered: readonly Undelivered[];
  /** Calls of `send` that were still waiting and were rejected with `ERR_CLOSED`. */
  readonly unsent: number;
}

/** What `stop` did and what it left. */
export interface StopReport extends CloseReport {
  /** Messages that the actors handled meanwhile. */
  readonly handled: number;
  /** Turns that were ended before they were through. */
  readonly aborted: number;
}
