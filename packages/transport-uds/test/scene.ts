/** A namespace of one test: a victim in a process of its own, an honest process here, and room for attackers. */
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, mailbox, peer, type Runtime } from '@pigeonhole/core';
import { expect, onTestFinished } from 'vitest';
import { until, within } from '../../core/test/peers/watch.js';
import type { RawProcess, Target } from './raw-process.js';
import { Victim, type Warning } from './victim.js';

export const NAMESPACE = 'ns';
let serial = 0;

/** A new directory, removed when the test has finished. */
export function scratch(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'ph-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export async function honestRuntime(directory: string, name = `honest-${serial++}`): Promise<Runtime> {
  const runtime = await createRuntime({
    name,
    directory,
    namespace: NAMESPACE,
    transport: 'uds',
    logger: false,
    config: false,
  });
  onTestFinished(async () => void (await runtime.close()));
  return runtime;
}

export class Scene {
  private constructor(
    readonly directory: string,
    readonly victim: Victim,
    readonly honest: Runtime,
    readonly target: Target,
  ) {}

  static async set(options: object = {}): Promise<Scene> {
    const directory = scratch();
    const victim = await Victim.start({ name: 'victim', namespace: NAMESPACE, directory, ...options });
    const honest = await honestRuntime(directory);
    const root = join(directory, NAMESPACE);
    const incarnation = honest.peers().find(({ name }) => name === 'victim')?.incarnation;
    if (incarnation === undefined) throw new Error('the victim is not there');
    const scene = new Scene(directory, victim, honest, { namespace: NAMESPACE, root, incarnation });
    await scene.exchange();
    return scene;
  }

  /** Where the victim's port listens. */
  get port(): string {
    return join(this.target.root, `${this.target.incarnation}.uds`);
  }

  /** Where the victim's presence socket listens. */
  get presence(): string {
    return join(this.target.root, `${this.target.incarnation}.sock`);
  }

  /** The victim answers a request of `runtime`: by default, of the honest process that it has long known. */
  async exchange(runtime: Runtime = this.honest): Promise<void> {
    const body = { n: serial++ };
    await within(runtime.send(mailbox<unknown>('echo'), body), 'the victim to accept a request');
    const { body: echoed } = await within(runtime.receive(peer('victim')), 'the victim to answer');
    expect(echoed).toEqual(body);
  }

  /** How many descriptors the victim has while it knows an attacker that has no link. */
  async idle(rogue: RawProcess): Promise<number> {
    const link = await rogue.link();
    const { descriptors } = await this.victim.usage();
    link.destroy();
    return descriptors - 1;
  }

  /** Waits until the victim has no more descriptors than that: it has seen the end of each link that is over. */
  async letGo(idle: number): Promise<void> {
    await until(
      async () => (await this.victim.usage()).descriptors <= idle,
      'the victim to let go of the links',
    );
  }

  /**
   * At the end of each attack: the victim serves the honest process and a newcomer, has not taken anybody for dead, lets go
   * of every connection, and then leaves by itself, with nothing left behind.
   */
  async survived(): Promise<Warning[]> {
    await this.exchange();
    const newcomer = await honestRuntime(this.directory);
    await this.exchange(newcomer);
    await newcomer.close();
    const warnings = await this.victim.warnings();
    const events = await this.victim.call<{ event: string; name?: string }[]>('events');
    const down = events.filter(({ event, name }) => event === 'peer:down' && name === this.honest.name);
    expect(down).toEqual([]);
    await this.victim.leave();
    expect(this.victim.stderr).toBe('');
    const left = readdirSync(this.target.root).filter((file) => file.startsWith(this.target.incarnation));
    expect(left).toEqual([]);
    return warnings;
  }
}
