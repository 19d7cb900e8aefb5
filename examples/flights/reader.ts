/**
 * The reader: numbers the flights, sends them, and conducts the run. README.md draws the protocol. Everything
 * waits on a condition, and the death of an enricher satisfies every condition that waits for it.
 */
import type { AnyPeerAddress, Runtime } from '@pigeonhole/core';
import { anyPeer, PigeonholeError, peer } from '@pigeonhole/core';
import pMap from 'p-map';
import { type RunRecord, reconcile } from './account.js';
import { Costs, startMeter, timeRoundTrips } from './cost.js';
import { loadFlights, numbered } from './flight-data.js';
import { Ledger } from './ledger.js';
import {
  AGGREGATOR,
  type EnricherCommand,
  type Flight,
  flights,
  type NumberedFlight,
  type ReaderMessage,
  type Report,
  toAggregator,
} from './messages.js';
import { departure } from './presence.js';
import { type Progress, showProgress } from './progress.js';
import { printResult } from './result.js';
import { Roster } from './roster.js';
import type { RunSettings } from './settings.js';

/** Sends under way at any time. */
const WINDOW = 256;

/** Only this example's services can join the run's namespace, so their direct messages are of these kinds. */
const anyService = anyPeer as AnyPeerAddress<ReaderMessage>;

const fromAggregator = peer<ReaderMessage>(AGGREGATOR);

/** Resolves with whether the run kept its promises (`Account.ok`). Rejects if the aggregator is gone. */
export async function runReader(runtime: Runtime, settings: RunSettings): Promise<boolean> {
  const run = new Run(runtime, settings);
  const record = await run.conduct().finally(() => run.progress.stop());
  await run.dismiss();
  const account = await reconcile(record);
  printResult(account, settings);
  return account.ok;
}

class Run {
  readonly progress: Progress;
  readonly #roster: Roster;
  readonly #ledger = new Ledger();
  readonly #losses: RunRecord['losses'] = [];
  readonly #costs = new Costs();

  constructor(
    readonly runtime: Runtime,
    readonly settings: RunSettings,
  ) {
    this.#roster = new Roster(settings.enrichers);
    this.progress = showProgress(settings);
    runtime.on('peer:down', ({ name }) => this.#roster.markDown(name));
    runtime.on('mailbox:lost', ({ mailbox, host, lost }) => this.#losses.push({ mailbox, host, lost }));
  }

  /** The run up to the report, and some exchanges that show how long one takes. */
  async conduct(): Promise<RunRecord> {
    const reported = this.#attend();
    const orphaned = departure(this.runtime, AGGREGATOR).then(() => {
      throw new Error('the aggregator ended before it was told to stop');
    });
    return Promise.race([this.#conduct(reported), failureOf(reported), orphaned]);
  }

  async #conduct(reported: Promise<Report>): Promise<RunRecord> {
    const { settings } = this;
    const data = await loadFlights(settings.data);
    await this.#openInOrder();
    const begun = performance.now();
    const cost = startMeter();
    await this.#sendAll(data);
    await this.#drain();
    await this.runtime.send(toAggregator, { kind: 'close' });
    const report = await reported;
    const seconds = (performance.now() - begun) / 1000;
    for (const each of [cost(), report.cost]) this.#costs.enter(each);
    const cpuSeconds = this.#costs.seconds;
    const roundTrip = await timeRoundTrips(() => this.#exchange());
    const [down, losses] = [this.#roster.down, this.#losses];
    return { data, settings, ledger: this.#ledger, report, seconds, cpuSeconds, roundTrip, down, losses };
  }

  async #exchange(): Promise<void> {
    await this.runtime.send(toAggregator, { kind: 'ping' });
    while ((await this.runtime.receive(fromAggregator)).body.kind !== 'pong');
  }

  /** Lets the others go. */
  async dismiss(): Promise<void> {
    await Promise.all(this.#roster.live.map((name) => this.#command(name, { kind: 'stop' })));
    await this.runtime.send(toAggregator, { kind: 'stop' });
  }

  /** Takes what the others say until the aggregator reports. */
  async #attend(): Promise<Report> {
    for (;;) {
      const { body, from } = await this.runtime.receive(anyService);
      if (body.kind === 'report') return body.report;
      if (body.kind === 'ready') this.#roster.markReady(from);
      if (body.kind === 'ended') this.#roster.markDown(body.name);
      if (body.kind === 'drained') {
        this.#costs.enter(body.cost);
        this.#roster.markDrained(from, body.round);
      }
      if (body.kind === 'progress') this.progress.update(body.counted);
    }
  }

  /** One after another, so that the first enricher is the one that hosts the mailbox. */
  async #openInOrder(): Promise<void> {
    for (const name of this.#roster.names) {
      await this.#command(name, { kind: 'open' });
      await this.#roster.settledStart(name);
    }
  }

  /** Resolves when the outcome of every send is known, or known to be unknowable. */
  async #sendAll(data: readonly Flight[]): Promise<void> {
    const sender = await this.runtime.sender(flights);
    void this.#roster.extinction().then(() => sender.close());
    await pMap(this.#toSend(data), (flight) => this.#ledger.enter(flight.seq, sender.send(flight)), {
      concurrency: WINDOW,
    });
  }

  *#toSend(data: readonly Flight[]): Generator<NumberedFlight, void> {
    for (const flight of numbered(data, this.settings.total)) {
      if (this.#ledger.closed) return;
      yield flight;
    }
  }

  /**
   * Rounds of "take what is left and pass it on". Nothing is sent any more, so after a round in which nobody
   * died the enrichers hold nothing. A death may put messages back into the mailbox: then another round.
   */
  async #drain(): Promise<void> {
    for (let round = 1; ; round += 1) {
      const asked = this.#roster.live;
      await Promise.all(asked.map((name) => this.#command(name, { kind: 'drain', round })));
      if (await this.#roster.settledRound(asked, round)) return;
    }
  }

  /** Resolves when `name` has the command, or has died. */
  async #command(name: string, command: EnricherCommand): Promise<void> {
    const sending = this.runtime.send(peer<EnricherCommand>(name), command).catch((error: unknown) => {
      if (!isDeath(error)) throw error;
      this.#roster.markDown(name);
    });
    await Promise.race([sending, this.#roster.death(name)]);
  }
}

/** The errors of a direct send whose addressee died before it, or during it. */
function isDeath(error: unknown): boolean {
  return error instanceof PigeonholeError && ['ERR_PEER_DOWN', 'ERR_OUTCOME_UNKNOWN'].includes(error.code);
}

/** Rejects as `promise` does; never resolves. */
function failureOf(promise: Promise<unknown>): Promise<never> {
  return promise.then(() => new Promise<never>(() => {}));
}
