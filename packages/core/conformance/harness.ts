/**
 * What one test gets: runtimes in the place under test, names and a directory of its own, waiting under a watchdog, and an
 * end that leaves nothing behind and fails the test if something was.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Capacity } from '../src/address.js';
import { hasSystemCode } from '../src/errors.js';
import { createRuntime, PigeonholeError } from '../src/index.js';
import type { Ability } from '../src/transport.js';
import type { AgentPool } from './agent-pool.js';
import { Party } from './party.js';
import { type Agent, type AgentOptions, type StartProcess, spawnProcess, spawnThread } from './spawn.js';
import type {
  AddressSpec,
  CreateRuntime,
  EventName,
  Place,
  RuntimeSettings,
  TransportSetting,
} from './surface.js';
import { isSettled, Random, Watchdog } from './watchdog.js';
import { LocalWire } from './wire.js';

/** A raw connection to a runtime's port, as anybody on this host could make one. */
export interface Attacker {
  write(bytes: Uint8Array): void;
  /** Resolves when the other side has ended the connection. */
  readonly closed: Promise<void>;
  /** Ends it from this side, at once. */
  destroy(): void;
}

/** What an attacker may know of its target: what lies open in the namespace. */
export interface AttackTarget {
  name: string;
  pid: number;
  namespace: string;
  directory: string;
}

export interface HarnessOptions {
  transport: TransportSetting;
  /** For the runtimes in the test's own process. Default: core's. */
  createRuntime?: CreateRuntime;
  /** Modules that agents import before they start. */
  modules?: readonly string[];
  /** Environment of agents. */
  environment?: Readonly<Record<string, string>>;
  /** A module whose `createRuntime` agents use in place of core's. */
  runtimeModule?: string;
  /** Starts agents' processes, where a transport reaches only those that were started in its own way. Default: `fork`. */
  startProcess?: StartProcess;
  /**
   * How an agent thread is killed: at once, or by leaving its event loop without closing anything, for what `terminate()` would take
   * the whole process down with. Default `'terminate'`.
   */
  threadKill?: 'terminate' | 'exit';
  /** Where agents come from and go to that serve several tests. Absent: each test starts its own. */
  agents?: AgentPool;
  createNamespace?: () => string;
  /** Milliseconds after which one wait counts as hung. Default 45,000. */
  watchdog?: number;
  seed?: number;
  /** Connects to the raw port of a runtime (R28). Absent: the transport has no port. */
  hostile?: (target: AttackTarget) => Promise<Attacker>;
  /** What its `capabilities.lacks` names. In place of each test that needs it, the one runs that it is refused. */
  lacks?: readonly Ability[];
  /** Kernel objects of a namespace that lie outside its directory: names of what is left. */
  leftovers?: (namespace: string) => Promise<readonly string[]>;
  /**
   * Of a store that keeps messages when all have left: throws away those that a test left, with what is there for them only. With `all`, after the
   * test, whatever else there may be of that namespace directory.
   */
  discard?: (namespaceDirectory: string, all: boolean) => void;
}

export type MailboxPair = readonly [there: AddressSpec, back: AddressSpec];

export class Harness {
  readonly namespace: string;
  readonly directory = mkdtempSync(join(tmpdir(), 'pg-'));
  /** For journals and flags: not the runtimes'. */
  readonly scratch = mkdtempSync(join(tmpdir(), 'pgs-'));
  readonly watchdog: Watchdog;
  readonly random: Random;
  private readonly parties: Party[] = [];
  private readonly failures: unknown[] = [];
  /** Agents that are no longer of this test. */
  private readonly given = new Set<Agent>();
  private died = false;
  private counter = 0;

  constructor(
    readonly options: HarnessOptions,
    readonly place: Place,
  ) {
    this.namespace = options.createNamespace?.() ?? `t${randomBytes(4).toString('hex')}`;
    this.watchdog = new Watchdog(options.watchdog);
    this.random = new Random(options.seed ?? 1);
  }

  unique(prefix: string): string {
    return `${prefix}${++this.counter}`;
  }

  /** A mailbox that no other test knows. */
  mailbox(
    options: Omit<AddressSpec & { kind: 'mailbox' }, 'kind' | 'name'> = {},
  ): AddressSpec & { kind: 'mailbox' } {
    return { kind: 'mailbox', name: this.unique('m'), ...options };
  }

  /** Makes a runtime in the place under test (or in `place`). Rejects as its `createRuntime` does. */
  async party(settings: Partial<RuntimeSettings> = {}, place: Place = this.place): Promise<Party> {
    const name = settings.name ?? this.unique('p');
    const { namespace, directory, options } = this;
    // What a process logs is shown when it fails; in the test's own it would only be noise.
    const quiet = place === 'processes' ? {} : { logger: false as const };
    const full = { namespace, directory, transport: options.transport, ...quiet, ...settings, name };
    let party: Party | undefined;
    const onEvent = (event: EventName, payload: unknown) => void party?.events.push({ event, payload });
    const agent = place === 'process' ? null : await this.spawn(place, onEvent);
    const wire =
      agent?.wire ?? new LocalWire(options.createRuntime ?? (createRuntime as CreateRuntime), onEvent);
    party = new Party(name, place, wire, agent, this.watchdog);
    try {
      await this.within(party.call({ op: 'create', settings: full }), `runtime '${name}' to be created`);
    } catch (error) {
      const refused = error instanceof PigeonholeError;
      if (agent !== null && !(refused && (await this.passOn(agent, place, name)))) await this.reap(agent);
      throw error;
    }
    this.parties.push(party);
    return party;
  }

  /** Several at once. */
  group(count: 2): Promise<[Party, Party]>;
  group(count: 3): Promise<[Party, Party, Party]>;
  group(count: 4): Promise<[Party, Party, Party, Party]>;
  group(count: number): Promise<Party[]> {
    return Promise.all(Array.from({ length: count }, () => this.party()));
  }

  /**
   * Sees to it that up to `count` agents are there for runtimes to come, where agents serve several tests. For a test that kills one
   * after another under load: else it mostly waits for new ones to start, slowed down by its own load.
   */
  async prepare(count: number): Promise<void> {
    const { place } = this;
    const { agents } = this.options;
    if (agents === undefined || place === 'process') return;
    const start = async () => {
      const agent = await this.start(place, () => undefined);
      agents.give(place, agent);
    };
    await Promise.all(Array.from({ length: agents.missing(place, count) }, start));
  }

  private async spawn(place: 'threads' | 'processes', onEvent: AgentOptions['onEvent']): Promise<Agent> {
    const idle = this.options.agents?.take(place);
    if (idle === undefined) return this.start(place, onEvent);
    idle.wire.serve(onEvent);
    this.given.delete(idle);
    return idle;
  }

  private start(place: 'threads' | 'processes', onEvent: AgentOptions['onEvent']): Promise<Agent> {
    const { modules = [], environment = {}, runtimeModule, startProcess, threadKill } = this.options;
    const start = place === 'threads' ? spawnThread : spawnProcess;
    return start(this.watchdog, {
      modules,
      environment,
      onEvent,
      ...(runtimeModule === undefined ? {} : { runtimeModule }),
      ...(startProcess === undefined ? {} : { startProcess }),
      ...(threadKill === undefined ? {} : { threadKill }),
    });
  }

  within<T>(promise: Promise<T>, what: string): Promise<T> {
    return this.watchdog.within(promise, what);
  }

  get until(): Watchdog['until'] {
    return this.watchdog.until.bind(this.watchdog);
  }

  /** Whether the mailbox is there without a process that hosts it. */
  async isStore(party: Party, mailbox: AddressSpec): Promise<boolean> {
    return (await party.explain(mailbox)).kind === 'store';
  }

  /** Kills a party as it stands. Directory checks then allow for what the next process has to clear. */
  async kill(party: Party): Promise<void> {
    this.died = true;
    await party.kill();
  }

  /** What two runtimes need to exchange messages, one for each direction. */
  mailboxPair(): MailboxPair {
    return [this.mailbox({ capacity: 1 }), this.mailbox({ capacity: 1 })];
  }

  /**
   * Acknowledged work in both directions between two runtimes. What was written before on the same link, or done before in
   * the same process, has then been seen. Through two new mailboxes, unless a test that does this all the time brings its own.
   */
  async exchange(
    a: Party,
    b: Party,
    rounds = 3,
    [mailbox, back]: MailboxPair = this.mailboxPair(),
  ): Promise<void> {
    if (this.options.lacks !== undefined) return this.exchangeByHandles(a, b, rounds, mailbox, back);
    for (let round = 0; round < rounds; round++) {
      const there = b.receive(mailbox);
      await this.within(a.send(mailbox, round), `${a.name} to send to ${b.name}`);
      const here = a.receive(back);
      await this.within(b.send(back, round), `${b.name} to send to ${a.name}`);
      await this.within(Promise.all([there, here]), `${a.name} and ${b.name} to exchange messages`);
    }
  }

  /** Where mailboxes are a scarce thing of the kernel's, which those that `send` and `receive` keep open would use up. */
  private async exchangeByHandles(
    a: Party,
    b: Party,
    rounds: number,
    ...[mailbox, back]: AddressSpec[]
  ): Promise<void> {
    for (const [from, to, box] of [
      [a, b, mailbox],
      [b, a, back],
    ] as [Party, Party, AddressSpec][]) {
      const [sender, receiver] = [await from.sender(box), await to.receiver(box)];
      for (let round = 0; round < rounds; round++) {
        await this.within(sender.send(round), `${from.name} to send to ${to.name}`);
        await this.within(receiver.receive(), `${to.name} to receive from ${from.name}`);
      }
      await Promise.all([sender.close(), receiver.close()]);
    }
  }

  /** Of these capacities, those that the transport can have. */
  capacities<const C extends readonly Capacity[]>(...all: C): C[number][] {
    return all.filter(
      (capacity) =>
        !(capacity === 0 && this.lacks('rendezvous')) &&
        !(capacity === 'unbounded' && this.lacks('unbounded')),
    );
  }

  lacks(ability: Ability): boolean {
    return this.options.lacks?.includes(ability) === true;
  }

  /** What lies in the runtime directory, but for the messages that a store keeps. */
  filesLeft(): string[] {
    this.options.discard?.(join(this.directory, this.namespace), false);
    return filesIn(this.directory);
  }

  /** Asserts that `call` has not settled although the two runtimes have since done acknowledged work. */
  async stillPending(call: Promise<unknown>, what: string, a: Party, b: Party): Promise<void> {
    call.catch(() => undefined);
    await this.exchange(a, b);
    assert.equal(await isSettled(call), false, `${what} must still be waiting`);
  }

  /** Ends every runtime, process and thread of the test. With `failed`, by force; else in order, and checks what is left. */
  async dispose(failed: boolean): Promise<void> {
    try {
      await Promise.all(this.parties.map((party) => this.end(party, failed)));
      if (!failed && this.failures.length === 0) await this.checkNothingIsLeft();
    } finally {
      for (const { agent } of this.parties)
        if (agent !== null && !this.given.has(agent)) await this.reap(agent);
      this.options.discard?.(join(this.directory, this.namespace), true);
      rmSync(this.directory, { recursive: true, force: true });
      rmSync(this.scratch, { recursive: true, force: true });
    }
    if (!failed && this.failures.length > 0) throw this.failures[0];
  }

  private async end(party: Party, failed: boolean): Promise<void> {
    party.resume();
    if (party.ended || (failed && party.agent !== null)) return;
    try {
      await this.within(
        party.close(failed ? { deadline: 0 } : undefined),
        `runtime '${party.name}' to close`,
      );
      await this.letGo(party);
    } catch (error) {
      this.failures.push(error);
    }
  }

  /** Lets the agent of a closed runtime go: to the next test, or to its end. */
  async letGo(party: Party): Promise<void> {
    if (party.agent !== null && (await this.passOn(party.agent, party.place, party.name))) {
      party.ended = true;
      return;
    }
    const departure = await party.leave();
    if (departure !== null) assert.deepEqual(departure, { code: 0, signal: null }, `how ${party.name} ended`);
  }

  /** Gives an agent without a runtime to the next who needs one. False: there are enough. */
  private async passOn(agent: Agent, place: Place, name: string): Promise<boolean> {
    const { agents } = this.options;
    if (!agents?.hasRoom(place)) return false;
    await this.within(agent.wire.renew(), `${name} to hold nothing that keeps it alive`);
    agents.give(place, agent);
    this.given.add(agent);
    return true;
  }

  private async reap(agent: Agent): Promise<void> {
    if (!(await isSettled(agent.gone))) agent.kill('SIGKILL');
    await agent.gone;
  }

  private async checkNothingIsLeft(): Promise<void> {
    // What a killed process left is cleared by the next one that joins.
    if (this.died) {
      const sweeper = await this.party({ name: 'sweeper' }, this.place);
      await this.end(sweeper, false);
    }
    // `close` waits a second for others, and on a machine that is busy enough they may take longer: the last link then ends after it.
    let left: string[] = [];
    await this.until(
      async () => {
        left = this.filesLeft();
        return left.length === 0;
      },
      () => `nothing to be left in the runtime directory after every runtime closed: ${left.join(', ')}`,
      () => left.length,
    );
    const shared = readdirOf('/dev/shm')
      .concat(readdirOf('/dev/mqueue'))
      .filter((entry) => entry.includes(this.namespace));
    assert.deepEqual(shared, [], 'kernel objects left after every runtime closed');
    assert.deepEqual(
      (await this.options.leftovers?.(this.namespace)) ?? [],
      [],
      'objects left after every runtime closed',
    );
  }
}

/** Everything under `directory` that is no directory. */
export function filesIn(directory: string): string[] {
  const entries = untorn(() => readdirSync(directory, { recursive: true, withFileTypes: true }));
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
}

/** Repeats what met a directory that was removed just then. */
export function untorn<T>(list: () => T): T {
  for (let left = 100; ; left--) {
    try {
      return list();
    } catch (error) {
      if (left === 0 || !hasSystemCode(error, 'ENOENT')) throw error;
    }
  }
}

function readdirOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
