/** Producers and consumers set loose on one mailbox, and the account that must come out. */
import assert from 'node:assert/strict';
import {
  assertBalanced,
  assertNoFailures,
  type Balance,
  balance,
  type Consumed,
  type Produced,
} from './accounting.js';
import type { RunningLoop } from './handles.js';
import type { Harness } from './harness.js';
import type { ConsumeOrder, ProduceOrder } from './loops.js';
import type { Party } from './party.js';
import type { AddressSpec } from './surface.js';

export interface Trade {
  mailbox: AddressSpec;
  producers: readonly Party[];
  consumers: readonly Party[];
  /** Items of each producer. */
  count: number;
  produce?: Partial<ProduceOrder>;
  consume?: Partial<ConsumeOrder>;
  /** False where calls overlap, so that the order of sending is not that of accepting. */
  order?: boolean;
}

export async function progressOf(loops: readonly RunningLoop<unknown>[]): Promise<number> {
  const counts = await Promise.all(loops.map((loop) => loop.progress()));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Starts consumers, then producers, waits until everything accepted was received, and asserts the account. */
export async function trade(
  t: Harness,
  { mailbox, producers, consumers, count, ...rest }: Trade,
): Promise<Balance> {
  const seed = () => t.random.integer(0, 2 ** 31);
  const consuming: RunningLoop<Consumed>[] = [];
  for (const party of consumers)
    consuming.push(await party.consume({ from: mailbox, seed: seed(), ...rest.consume }));
  const producing: RunningLoop<Produced>[] = [];
  for (const [at, party] of producers.entries()) {
    const by = `${party.name}.${at}`;
    producing.push(await party.produce({ by, to: mailbox, count, seed: seed(), ...rest.produce }));
  }
  const produced = await Promise.all(
    producing.map((loop) =>
      t.watchdog.finished(loop.report(), `${loop.party.name} to finish sending`, () =>
        progressOf([...producing, ...consuming]),
      ),
    ),
  );
  const consumed = await settle(t, produced, consuming);
  assertNoFailures([...produced, ...consumed]);
  const result = balance(produced, consumed);
  assertBalanced(result, { order: rest.order ?? true });
  const left = await consumers[0]?.tryReceive(mailbox);
  assert.equal(left ?? null, null, 'nothing may be left in the mailbox');
  return result;
}

/** Waits until the consumers have received what was accepted, stops them, and returns what they say, whatever it is. */
export async function settle(
  t: Harness,
  produced: readonly Produced[],
  consuming: readonly RunningLoop<Consumed>[],
): Promise<Consumed[]> {
  const accepted = produced.reduce((sum, report) => sum + report.accepted.length, 0);
  let hung: unknown;
  try {
    const received = () => progressOf(consuming);
    await t.until(
      async () => (await received()) >= accepted,
      `${accepted} accepted messages to be received`,
      received,
    );
  } catch (error) {
    hung = error;
  }
  const consumed = await Promise.all(
    consuming.map((loop) => t.within(loop.stop(), `${loop.party.name} to stop receiving`)),
  );
  // The account names what is missing; the watchdog only knows that something is.
  if (hung !== undefined) {
    assertNoFailures([...produced, ...consumed]);
    assertBalanced(balance(produced, consumed), { order: false });
    throw hung;
  }
  return consumed;
}

/** Resolves once `loops` have received nothing more during a run of acknowledged work, with the mailbox they receive from where it has types. */
export async function untilAtRest(
  t: Harness,
  party: Party,
  mailbox: AddressSpec,
  loops: readonly RunningLoop<Consumed>[],
): Promise<void> {
  const noType = { type: 2 ** 31 - 1 };
  const quiet = async () => {
    const before = await progressOf(loops);
    if (t.lacks('type')) await t.exchange(party, party, 25);
    else for (let n = 0; n < 50; n++) assert.equal(await party.tryReceive(mailbox, noType), null);
    return (await progressOf(loops)) === before;
  };
  await t.until(quiet, 'receivers to come to rest', () => progressOf(loops));
}
