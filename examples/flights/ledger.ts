import { PigeonholeError } from '@pigeonhole/core';
import { SequenceSet } from './sequence-set.js';

/** What became of each `send` of the reader. */
export class Ledger {
  readonly accepted = new SequenceSet();
  /** The mailbox's host died in between (`ERR_OUTCOME_UNKNOWN`): only the aggregator's books can tell. */
  readonly unknown = new SequenceSet();
  /** Certainly not accepted. */
  readonly rejected = new SequenceSet();
  #attempted = 0;
  #closed = false;
  #firstRejection: string | null = null;

  get attempted(): number {
    return this.#attempted;
  }

  /** The sender was closed: sending more is of no use. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Message of the first error that rejected a flight. */
  get firstRejection(): string | null {
    return this.#firstRejection;
  }

  /** Enters the outcome of `sending`; never rejects. */
  async enter(seq: number, sending: Promise<void>): Promise<void> {
    this.#attempted += 1;
    try {
      await sending;
      this.accepted.add(seq);
    } catch (error) {
      this.#enterFailure(seq, error);
    }
  }

  #enterFailure(seq: number, error: unknown): void {
    const code = error instanceof PigeonholeError ? error.code : null;
    if (code === 'ERR_OUTCOME_UNKNOWN') {
      this.unknown.add(seq);
      return;
    }
    this.rejected.add(seq);
    this.#closed ||= code === 'ERR_CLOSED';
    this.#firstRejection ??= error instanceof Error ? error.message : String(error);
  }
}
