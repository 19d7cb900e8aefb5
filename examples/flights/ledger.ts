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
  #firstRejection: string | null = null;

  get attempted(): number {
    return this.#attempted;
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
    if (error instanceof PigeonholeError && error.code === 'ERR_OUTCOME_UNKNOWN') {
      this.unknown.add(seq);
      return;
    }
    this.rejected.add(seq);
    this.#firstRejection ??= error instanceof Error ? error.message : String(error);
  }
}
