/**
 * The nemesis: kills senders, receivers and hosts with SIGKILL at seeded instants while all of them work, stops and resumes
 * others, and accounts for every message (R4, R25–R28).
 */
import assert from 'node:assert/strict';
import { type Consumed, journalPath, type Produced, readConsumed, readProduced } from './accounting.js';
import { AgentPool } from './agent-pool.js';
import type { RunningLoop } from './handles.js';
import { Harness, type HarnessOptions } from './harness.js';
import { type Casualties, judge, type NemesisReport } from './nemesis-account.js';
import type { Party } from './party.js';
import type { AddressSpec } from './surface.js';
import { progressOf, untilAtRest } from './trade.js';

export interface NemesisOptions extends HarnessOptions {
  /**
   * Processes to kill. Default: `PIGEONHOLE_KILLS` of the environment, else 6. The first four are a sender, the host, a receiver, and
   * the host again, next to a process that is stopped (another receiver where the mailbox has no host); the others are random.
   */
  kills?: number;
  /** Of the mailbox. Default 8. */
  capacity?: number;
  /** Told what is done, a line at a time. */
  log?: (line: string) => void;
}

/** One process of the cast and its loop. */
interface Actor {
  readonly party: Party;
  readonly loop: RunningLoop<Produced | Consumed>;
  readonly role: 'sender' | 'receiver';
  /** Whose items it sends: new for every run of a name. */
  readonly by: string;
}

const SENDERS = 2;
const RECEIVERS = 3;
const SPARES = 6;
/** Whom the first kills hit: few random ones would not hit all kinds. The process stopped beside the last of them is another. */
const FIRST = ['sender', 'host', 'receiver', 'host'] as const;
/** Bytes that every mailbox takes with its header, also one that is a queue of the kernel's of the default size. */
const ALWAYS_FITS = 1500;

/** Resolves with the account, or rejects if a rule did not hold, once every process is reaped and the directory clean. */
export async function nemesis(options: NemesisOptions): Promise<NemesisReport> {
  const agents = new AgentPool();
  const harness = new Harness({ agents, ...options }, 'processes');
  let failed = true;
  try {
    const report = await new Nemesis(harness, options).run();
    failed = false;
    return report;
  } finally {
    await harness.dispose(failed).finally(() => agents.end(harness.watchdog));
  }
}

class Nemesis {
  private readonly mailbox: AddressSpec & { kind: 'mailbox' };
  private readonly actors: Actor[] = [];
  private readonly dead: Actor[] = [];
  private readonly casualties: Casualties = { senders: 0, receivers: 0, hosts: 0, stops: 0 };
  private readonly started = performance.now();
  private runs = 0;
  private steady!: { party: Party; loop: RunningLoop<Produced> };

  constructor(
    private readonly t: Harness,
    private readonly options: NemesisOptions,
  ) {
    this.mailbox = t.mailbox({ capacity: options.capacity ?? 8 });
  }

  async run(): Promise<NemesisReport> {
    for (let n = 0; n < RECEIVERS; n++) await this.enter('receiver');
    const party = await this.t.party({ name: 'steady' });
    const loop = await party.produce({
      by: 'steady',
      to: this.mailbox,
      seed: this.seed(),
      window: 2,
      size: this.sizes(20_000),
    });
    this.steady = { party, loop };
    for (let n = 0; n < SENDERS; n++) await this.enter('sender');
    const kills = this.options.kills ?? Number(process.env.PIGEONHOLE_KILLS ?? 6);
    for (let kill = 0; kill < kills; kill++) await this.strike(kill);
    return this.settle();
  }

  /** Bytes of a body: up to `most`, or up to what any mailbox carries. */
  private sizes(most: number): [number, number] {
    return [0, this.t.lacks('large bodies') ? ALWAYS_FITS : most];
  }

  private seed(): number {
    return this.t.random.integer(0, 2 ** 31);
  }

  private async enter(role: Actor['role'], name = this.t.unique(role)): Promise<void> {
    const party = await this.t.party({ name });
    const by = `${name}~${this.runs++}`;
    const common = { seed: this.seed(), interrupted: 0.1, journal: journalPath(this.t.scratch, by) };
    const loop =
      role === 'sender'
        ? await party.produce({ ...common, by, to: this.mailbox, window: 2, size: this.sizes(200_000) })
        : await party.consume({ ...common, from: this.mailbox });
    this.actors.push({ party, loop, role, by });
  }

  /** Kills one process at a random instant, sees the others get on, and lets another take its place. */
  private async strike(kill: number): Promise<void> {
    const { random } = this.t;
    // One by one, each would wait for its share of the processors while the others work at full speed.
    const successors = kill % SPARES === 0 ? this.t.prepare(SPARES) : Promise.resolve();
    successors.catch(() => undefined); // awaited below
    const victim = this.victim(FIRST[kill]);
    const neighbours = this.actors.filter((actor) => actor !== victim);
    const withStop = kill === FIRST.length - 1 || random.next() < 0.2;
    const stopped = withStop ? random.pick(neighbours) : victim;
    const others = [
      this.steady.loop,
      ...this.actors.filter((actor) => actor !== stopped).map(({ loop }) => loop),
    ];
    const from = await progressOf(others);
    const enough = random.integer(0, 40);
    await this.t.until(
      async () => (await progressOf(others)) >= from + enough,
      'the work to go on',
      () => progressOf(others),
    );
    if (stopped !== victim) stopped.party.stop();
    const isHost = this.hosts(victim);
    await this.t.kill(victim.party);
    this.count(victim, isHost, stopped !== victim);
    this.options.log?.(
      `${kill}: killed ${isHost ? 'host' : victim.role} ${victim.by}${stopped === victim ? '' : `, stopped ${stopped.by}`}`,
    );
    stopped.party.resume();
    this.actors.splice(this.actors.indexOf(victim), 1);
    this.dead.push(victim);
    await this.getOn();
    await successors;
    // Half of the successors take the dead one's name: it must be free at once.
    await this.enter(victim.role, random.next() < 0.5 ? victim.party.name : undefined);
  }

  private hosts({ party }: Actor): boolean {
    return party.seen('mailbox:host').some(({ mailbox }) => mailbox === this.mailbox.name);
  }

  /** One at random of this kind, or of all; the host may be unknown, and a mailbox of the kernel's has none. */
  private victim(kind?: (typeof FIRST)[number]): Actor {
    const receivers = this.actors.filter(({ role }) => role === 'receiver');
    const of = {
      sender: this.actors.filter(({ role }) => role === 'sender'),
      host: receivers.filter((actor) => this.hosts(actor)),
      receiver: receivers.filter((actor) => !this.hosts(actor)),
    };
    const wanted = kind === undefined ? this.actors : of[kind];
    return this.t.random.pick(wanted.length > 0 ? wanted : receivers);
  }

  private count(victim: Actor, isHost: boolean, withStop: boolean): void {
    if (victim.role === 'sender') this.casualties.senders++;
    else if (isHost) this.casualties.hosts++;
    else this.casualties.receivers++;
    if (withStop) this.casualties.stops++;
  }

  /** After a death the mailbox is not blocked: the steady sender and the surviving receivers make progress. */
  private async getOn(): Promise<void> {
    const { loop } = this.steady;
    const sent = await loop.progress();
    await this.t.until(
      async () => (await loop.progress()) > sent + 2,
      'the steady sender to get on after a death',
    );
  }

  private async settle(): Promise<NemesisReport> {
    const senders = this.actors.filter(({ role }) => role === 'sender');
    const receivers = this.actors.filter(({ role }) => role === 'receiver') as (Actor & {
      loop: RunningLoop<Consumed>;
    })[];
    const produced = [
      (await this.t.within(this.steady.loop.stop(), 'the steady sender to stop')) as Produced,
    ];
    for (const { loop } of senders)
      produced.push((await this.t.within(loop.stop(), 'a sender to stop')) as Produced);
    await untilAtRest(
      this.t,
      receivers[0]?.party as Party,
      this.mailbox,
      receivers.map(({ loop }) => loop),
    );
    const consumed: Consumed[] = [];
    for (const { loop } of receivers)
      consumed.push((await this.t.within(loop.stop(), 'a receiver to stop')) as Consumed);
    assert.equal(await receivers[0]?.party.tryReceive(this.mailbox), null, 'the mailbox is empty in the end');
    for (const { role, by } of this.dead) {
      const journal = journalPath(this.t.scratch, by);
      if (role === 'sender') produced.push(readProduced(journal, by));
      else consumed.push(readConsumed(journal, by));
    }
    const lost = this.steady.party
      .seen('mailbox:lost')
      .filter(({ mailbox }) => mailbox === this.mailbox.name);
    return judge({
      produced,
      consumed,
      casualties: this.casualties,
      capacity: this.mailbox.capacity as number,
      steadyReported: lost.reduce((sum, event) => sum + event.lost, 0),
      seconds: (performance.now() - this.started) / 1000,
    });
  }
}
