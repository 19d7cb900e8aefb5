import { readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasSystemCode, PigeonholeError } from '../errors.js';
import { type NamespacePaths, parseNamespaceFile, pathError } from '../naming.js';
import type { PeerInfo } from '../transport.js';
import { Agreement, type Made } from './agreement.js';
import { Claims, listing, type Rival, removeEmpty } from './claims.js';
import type { Notice } from './notice.js';
import { Presence } from './presence.js';
import type { ClaimState, HostRecord, Neighbourhood, Registry, RegistryEvents } from './registry.js';

/** A socket or record still being made by a joining process is younger than this; an older one was abandoned (milliseconds). */
const ABANDONED = 60_000;

/**
 * The registry of the processes of one host: a directory for who claims what, sockets for who lives. Needs no daemon and no
 * native code; what a killed process leaves is removed by whoever notices first.
 */
export class DirectoryRegistry implements Registry {
  neighbours: Neighbourhood | null = null;
  private readonly claims: Claims;
  private readonly agreement: Agreement;
  private readonly presence: Presence;
  /** Over which transport this process hosts each of its mailboxes. */
  private readonly hosted = new Map<string, string>();
  /** Claims and releases under way. */
  private readonly changing = new Set<Promise<unknown>>();
  /** Removals of what the dead left. */
  private readonly removing = new Set<Promise<void>>();
  private joined = false;
  private left = false;

  constructor(
    private readonly paths: NamespacePaths,
    readonly self: PeerInfo,
    private readonly events: RegistryEvents,
  ) {
    this.claims = new Claims(self.incarnation, (incarnation) => this.isAlive(incarnation));
    this.agreement = new Agreement(this.claims, paths.auto, self.incarnation);
    this.presence = new Presence(paths, self, {
      up: (peer) => events.peerUp(peer),
      down: (peer) => this.wentDown(peer),
      hostChanged: (mailbox) => events.hostChanged(mailbox),
      news: () => this.hosts().map((mailbox): Notice => ({ is: 'host', mailbox })),
      warn: (error) => events.warn(error),
    });
  }

  /**
   * Shows that this process lives; before anything else of it is in the directory, lest that be taken for a dead one's.
   */
  async appear(): Promise<void> {
    await this.presence.listen();
  }

  async join(prepare?: () => Promise<void>): Promise<void> {
    const { name, pid } = this.self;
    const directory = this.paths.peersOf(name);
    try {
      const owner = await this.claims.claim(directory, String(pid));
      if (owner !== null) throw await this.inUse(join(directory, owner));
      await prepare?.();
      await this.writeRecord();
      this.joined = true;
      await this.meetEverybody();
      await this.neighbours?.meet();
    } catch (error) {
      await this.leave();
      throw error;
    }
  }

  /**
   * See `Agreement.reach`. Where nobody has chosen yet, what a process is configured for that has joined goes before the rest. It is looked
   * for again once the flag is up: of two that come together, this one sees what that one says of itself, or that one the flag (`agreed`).
   * Before `join()`.
   */
  async agree(candidates: readonly string[]): Promise<Made> {
    for (let named = await this.named(candidates); ; ) {
      const order = [...candidates].sort((a, b) => Number(named?.choice === b) - Number(named?.choice === a));
      const made = await this.agreement.reach(order);
      if (made.by !== null) return made;
      const present = await this.named(candidates);
      if (present === null || present.choice === made.choice) return present ?? made;
      await this.agreement.withdraw();
      named = present;
    }
  }

  /** What the live processes that left the transport open have agreed on, and who is one of them. */
  agreed(): Promise<{ choice: string; by: string }[]> {
    return this.agreement.others();
  }

  /** The first of `candidates` on which a live process listens. */
  private async named(candidates: readonly string[]): Promise<{ choice: string; by: string } | null> {
    const listening = new Map<string, string>();
    for (const incarnation of await this.others()) {
      const ports = Object.keys((await this.presence.record(incarnation))?.ports ?? {});
      const fresh = ports.filter((port) => candidates.includes(port) && !listening.has(port));
      if (fresh.length > 0 && (await this.isAlive(incarnation)))
        for (const port of fresh) listening.set(port, incarnation);
    }
    const choice = candidates.find((candidate) => listening.has(candidate));
    return choice === undefined ? null : { choice, by: listening.get(choice) as string };
  }

  /** The name of a process, without making its acquaintance; its incarnation if it has not joined yet. */
  async nameOf(incarnation: string): Promise<string> {
    return (await this.presence.record(incarnation))?.name ?? incarnation;
  }

  /** Takes back what was agreed: it does not work after all. */
  disagree(): Promise<void> {
    return this.agreement.withdraw();
  }

  find(name: string): PeerInfo | null {
    if (name === this.self.name) return this.self;
    return this.peers().find((peer) => peer.name === name) ?? null;
  }

  peers(): PeerInfo[] {
    return [...this.presence.peers(), ...(this.neighbours?.peers() ?? [])];
  }

  async identify(incarnation: string): Promise<PeerInfo | null> {
    return (await this.presence.meet(incarnation)).peer;
  }

  vouches(incarnation: string): boolean {
    return this.presence.knows(incarnation) !== null;
  }

  claimOf(mailbox: string): ClaimState | null {
    const transport = this.hosted.get(mailbox);
    if (transport !== undefined) return { claim: 'owned', transport };
    return this.claims.isUp(this.paths.hostsOf(mailbox)) ? { claim: 'raised', transport: '' } : null;
  }

  hosts(): string[] {
    return [...this.hosted.keys()];
  }

  async locate(mailbox: string): Promise<HostRecord | null> {
    if (this.hosted.has(mailbox)) return { peer: this.self, transport: '' };
    const directory = this.paths.hostsOf(mailbox);
    const owner = await this.claims.owner(directory);
    if (owner === null) return this.locateElsewhere(mailbox);
    const peer = await this.identify(owner);
    if (peer === null) return null;
    const transport = await readFile(join(directory, owner), 'utf8').catch(() => '');
    return { peer, transport };
  }

  private async locateElsewhere(mailbox: string): Promise<HostRecord | null> {
    const claimant = (await this.neighbours?.ask(mailbox)) ?? null;
    return claimant?.claim === 'owned' ? claimant : null;
  }

  claim(mailbox: string, transport: string): Promise<boolean> {
    return this.underWay(this.becomeHost(mailbox, transport));
  }

  private underWay<T>(change: Promise<T>): Promise<T> {
    this.changing.add(change);
    return change.finally(() => this.changing.delete(change));
  }

  private async becomeHost(mailbox: string, transport: string): Promise<boolean> {
    const elsewhere = async (): Promise<Rival | null> => {
      const claimant = await this.neighbours?.ask(mailbox);
      return claimant ? { incarnation: claimant.peer.incarnation, owns: claimant.claim === 'owned' } : null;
    };
    if ((await this.claims.claim(this.paths.hostsOf(mailbox), transport, elsewhere)) !== null) return false;
    this.hosted.set(mailbox, transport);
    this.tell(mailbox, true);
    return true;
  }

  private tell(mailbox: string, hosts: boolean): void {
    this.presence.tell({ is: 'host', mailbox });
    this.neighbours?.tell(mailbox, hosts);
  }

  release(mailbox: string, next?: PeerInfo): Promise<void> {
    return this.hosted.delete(mailbox) ? this.underWay(this.giveUp(mailbox, next)) : Promise.resolve();
  }

  private async giveUp(mailbox: string, next?: PeerInfo): Promise<void> {
    // One on another host has no file here to own it by: it claims it like anybody else.
    const heir = next !== undefined && this.vouches(next.incarnation) ? next : undefined;
    const directory = this.paths.hostsOf(mailbox);
    try {
      if (heir === undefined) await this.claims.release(directory);
      else await this.claims.bequeath(directory, heir.incarnation);
    } catch (error) {
      if (heir === undefined) throw error;
      // No space, for one: then the heir is to claim it like anybody else.
      this.events.warn(error as Error);
      await this.claims.release(directory);
    }
    this.tell(mailbox, false);
  }

  async disinherit(mailbox: string, heir: PeerInfo): Promise<void> {
    await this.claims.lower(this.paths.hostsOf(mailbox), heir.incarnation);
  }

  async leave(): Promise<void> {
    if (this.left) return;
    this.left = true;
    this.claims.stop();
    this.neighbours?.leave();
    await Promise.allSettled(this.changing);
    const steps = [
      ...this.hosts().map((mailbox) => () => this.release(mailbox)),
      // What somebody else has begun to release is not among them.
      async () => void (await Promise.allSettled(this.changing)),
      () => this.agreement.withdraw(),
      () => this.claims.release(this.paths.peersOf(this.self.name)),
      // Before the others see it go: without a record, they know that it has put its claims in order.
      () => rm(this.paths.record(this.self.incarnation), { force: true }),
      () => this.presence.leave(),
    ];
    // What cannot be removed is a dead process's then; the rest must go all the same.
    for (const step of steps) await step().catch((error: Error) => this.events.warn(error));
  }

  /** After everything of this process has gone: the namespace's directory goes with the last one. */
  async tidy(): Promise<void> {
    await Promise.allSettled(this.removing);
    if (await this.removeFolders()) return;
    // Perhaps only the dead are left: who died while this process was leaving has nobody else to clean up behind it.
    let last = true;
    for (const incarnation of await this.others()) {
      if (await this.presence.listens(incarnation)) last = false;
      else await this.removeLeftovers(incarnation);
    }
    if (last) await this.removeStrayClaims();
    await this.removeFolders();
  }

  /** Of who is not to be found by anything else: flags that were raised for an heir who left meanwhile, and directories without any. */
  private async removeStrayClaims(): Promise<void> {
    for (const parent of [this.paths.peers, this.paths.hosts, this.paths.auto])
      for (const name of await listing(parent)) await this.claims.owner(join(parent, name));
    await this.removeLeftovers(this.self.incarnation);
  }

  /** Whether they were empty. */
  private async removeFolders(): Promise<boolean> {
    const { root, peers, hosts, auto } = this.paths;
    let empty = true;
    for (const directory of [peers, hosts, auto, root])
      await rmdir(directory).catch((error: unknown) => {
        if (hasSystemCode(error, 'ENOTEMPTY', 'EEXIST')) empty = false;
        else if (!hasSystemCode(error, 'ENOENT')) throw pathError(error, 'remove', directory);
      });
    return empty;
  }

  private async inUse(claim: string): Promise<PigeonholeError> {
    const { name } = this.self;
    const pid = (await readFile(claim, 'utf8').catch(() => '')) || 'unknown';
    return new PigeonholeError(
      'ERR_IN_USE',
      `process name '${name}' is held by a live process of this namespace (pid ${pid}); choose another name, or end that process`,
      { address: name },
    );
  }

  private async writeRecord(): Promise<void> {
    const path = this.paths.record(this.self.incarnation);
    const staging = this.paths.staging(path);
    try {
      await writeFile(staging, JSON.stringify(this.self), { flag: 'wx', mode: 0o600 });
      await rename(staging, path);
    } catch (error) {
      throw pathError(error, 'write', path);
    }
  }

  private async meetEverybody(): Promise<void> {
    const incarnations = await this.others();
    await Promise.all(
      [...incarnations].map(async (incarnation) => {
        if (!(await this.isAlive(incarnation))) await this.removeLeftovers(incarnation);
      }),
    );
  }

  /** Whose files there are, but for those that are just being made. */
  private async others(): Promise<Set<string>> {
    const incarnations = new Set<string>();
    for (const file of await listing(this.paths.root)) {
      const parsed = parseNamespaceFile(file);
      if (parsed === null || parsed.incarnation === this.self.incarnation) continue;
      if (!parsed.staging || (await this.isAbandoned(file))) incarnations.add(parsed.incarnation);
    }
    return incarnations;
  }

  private async isAbandoned(file: string): Promise<boolean> {
    const stats = await stat(join(this.paths.root, file)).catch(() => null);
    return stats !== null && Date.now() - stats.mtimeMs > ABANDONED;
  }

  private async isAlive(incarnation: string): Promise<boolean> {
    if (incarnation === this.self.incarnation) return true;
    // Before it has its name, this process must not make anybody's acquaintance: it may never be there.
    return this.joined ? (await this.presence.meet(incarnation)).alive : this.presence.answers(incarnation);
  }

  private wentDown(peer: PeerInfo): void {
    this.events.peerDown(peer);
    const removal = this.bury(peer.incarnation)
      .catch((error: Error) => this.events.warn(error))
      .finally(() => this.removing.delete(removal));
    this.removing.add(removal);
  }

  /** A process that left in order took its record away last, so there is nothing to search for. */
  private async bury(incarnation: string): Promise<void> {
    const files = await this.filesOf(incarnation);
    if (files.some((file) => parseNamespaceFile(file)?.kind === 'record'))
      await this.removeLeftovers(incarnation);
    else await this.removeFiles(files);
  }

  /**
   * Removes all that a dead process left; what it is found by goes last. Every path names its incarnation, so it is safe to do
   * twice, or by two at once.
   */
  private async removeLeftovers(incarnation: string): Promise<void> {
    await this.removeClaims(incarnation);
    await this.removeFiles(await this.filesOf(incarnation));
  }

  private async filesOf(incarnation: string): Promise<string[]> {
    const files = await listing(this.paths.root);
    return files.filter((file) => parseNamespaceFile(file)?.incarnation === incarnation);
  }

  private async removeFiles(files: readonly string[]): Promise<void> {
    await Promise.all(files.map((file) => rm(join(this.paths.root, file), { force: true })));
  }

  private async removeClaims(incarnation: string): Promise<void> {
    for (const parent of [this.paths.peers, this.paths.hosts, this.paths.auto]) {
      for (const name of await listing(parent)) {
        await rm(join(parent, name, incarnation), { force: true });
        await removeEmpty(join(parent, name));
      }
    }
  }
}
