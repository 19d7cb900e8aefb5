/** What a nemesis run must come to. */
import assert from 'node:assert/strict';
import { assertBalanced, assertNoFailures, balance, type Consumed, type Produced } from './accounting.js';

export interface Casualties {
  senders: number;
  receivers: number;
  hosts: number;
  /** Deaths next to which another process was stopped. */
  stops: number;
}

export interface NemesisReport extends Casualties {
  attempted: number;
  accepted: number;
  received: number;
  /** Sends whose outcome their process could not know. */
  unknown: number;
  /** Accepted, not received. */
  lost: number;
  /** The most that may be: what dead hosts held, and what dead receivers had in hand. */
  mayLose: number;
  seconds: number;
}

export interface NemesisEvidence {
  produced: readonly Produced[];
  consumed: readonly Consumed[];
  casualties: Casualties;
  capacity: number;
  /** Messages that the sender which lived throughout was told were lost. */
  steadyReported: number;
  seconds: number;
}

/** Throws unless the account is one that R25 and R26 allow. */
export function judge({
  produced,
  consumed,
  casualties,
  capacity,
  steadyReported,
  seconds,
}: NemesisEvidence): NemesisReport {
  assertNoFailures([...produced, ...consumed]);
  const found = balance(produced, consumed);
  const { hosts, receivers } = casualties;
  // A host holds at most `capacity` accepted messages; each receiver has one call under way, and so one message in hand.
  const mayLose = hosts * (capacity + 1) + receivers;
  assertBalanced(found, { mayLose, order: false });
  const steadyLost = found.lost.filter((id) => id.startsWith('steady:')).length;
  const mayLoseSteady = steadyReported + hosts + receivers;
  assert.ok(
    steadyLost <= mayLoseSteady,
    `mailbox:lost reported ${steadyReported}, but ${steadyLost} were lost`,
  );
  const unknown = produced.reduce((sum, report) => sum + report.unknown.length, 0);
  const { attempted, accepted, received, lost } = found;
  return { ...casualties, attempted, accepted, received, unknown, lost: lost.length, mayLose, seconds };
}
