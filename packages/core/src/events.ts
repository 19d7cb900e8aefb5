/** What `runtime.on(event, listener)` reports. */
export interface RuntimeEvents {
  /** A process has joined the namespace, or was there when this one joined. */
  'peer:up': [peer: PeerEvent];
  /** A process has left or died. A stopped or busy one has not. */
  'peer:down': [peer: PeerEvent];
  /** This process hosts the mailbox from now on. */
  'mailbox:host': [event: { mailbox: string; host: string }];
  /**
   * The process that hosted the mailbox died, and what it held with it. `lost`: at most so many of the messages that this
   * process had sent were accepted and not received (0: none of its own).
   */
  'mailbox:lost': [event: { mailbox: string; host: string; lost: number }];
  /** Something an operator should know: a hostile connection closed, leftovers that could not be removed. */
  warning: [error: Error];
}

export interface PeerEvent {
  readonly name: string;
  readonly incarnation: string;
  readonly pid: number;
}
