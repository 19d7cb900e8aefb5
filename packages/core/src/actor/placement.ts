/** Actors in processes and threads of their own: started, watched, and started again when they die. */
import { mailbox } from '../address.js';
import type { ResolvedConfig, RuntimeOptions, TransportSetting } from '../config.js';
import { PigeonholeError } from '../errors.js';
import type { Boot, Order, Report } from './actor-host.js';
import { type Alarm, systemClock } from './clock.js';
import { launchProcess, launchThread, type Vessel, type VesselEvents } from './launch.js';
import type { Child, Parent } from './local-actor.js';
import { optionError } from './option-error.js';
import type { Share } from './pool.js';
import { decodeError } from './protocol.js';
import { RemoteError } from './remote-error.js';
import { Restarts } from './supervision.js';
import type { ActorSystem } from './system.js';
import { channels } from './tracing.js';
import type { ActorDefinition, SpawnOptions } from './types.js';

/** Milliseconds, beyond its deadline, that a process has to end before it is killed. */
const GRACE = 1_000;

/** What is to be placed. */
export interface Placing {
  readonly system: ActorSystem;
  readonly definition: ActorDefinition;
  readonly name: string;
  readonly args: unknown;
  readonly options: SpawnOptions;
}

/** One actor, or one part of a pool that is spread, served by a runtime of its own, below this one. */
export class PlacedActor implements Child {
  readonly name: string;
  private readonly system: ActorSystem;
  private readonly options: SpawnOptions;
  private vessel: Vessel | null = null;
  private readonly boot: Boot;
  private readonly restarts: Restarts;
  private stopping: Promise<void> | null = null;
  private ended = false;
  private backoff: Alarm | null = null;
  /** Counts launches, so that what comes from an earlier vessel is told apart. */
  private launches = 0;

  constructor(
    placing: Placing,
    private readonly parent: Parent | null,
    share?: Share,
  ) {
    const { system, definition, name, options } = placing;
    this.system = system;
    this.name = name;
    this.options = options;
    this.boot = makeBoot(placing, share);
    this.restarts = new Restarts(definition.spec.supervision, () => system.clock.now());
  }

  /** Resolves when the actor takes messages; rejects, with nothing left, when it cannot be started. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => this.launch(resolve, reject));
  }

  private launch(ready: () => void, failed: (error: Error) => void): void {
    const launch = this.options.placement === 'thread' ? launchThread : launchProcess;
    const number = ++this.launches;
    let isReady = false;
    let hasFailed = false;
    const failOnce = (error: Error): void => {
      if (hasFailed) return;
      hasFailed = true;
      failed(error);
    };
    const events: VesselEvents = {
      report: (report) => {
        if (number !== this.launches) return;
        if ('ready' in report) {
          isReady = true;
          ready();
        } else if (isReady) this.finish(report);
        else failOnce(new RemoteError(this.name, decodeError(report.ended)));
      },
      gone: (how) => {
        if (number !== this.launches) return;
        this.vessel = null;
        const error = new PigeonholeError(
          'ERR_PEER_DOWN',
          `the ${this.options.placement} of actor '${this.name}' ${how}`,
          {
            address: this.name,
          },
        );
        if (isReady) this.died(error);
        else failOnce(error);
      },
    };
    try {
      this.vessel = launch(this.boot, events, this.system.runtime);
    } catch (error) {
      failOnce(error as Error);
    }
  }

  /** It died unasked. */
  private died(error: PigeonholeError): void {
    if (this.ended || this.stopping !== null) return;
    const delay = this.restarts.next();
    if (delay === null) {
      this.over();
      this.giveUp(error);
      return;
    }
    const { logger } = this.system.runtime;
    logger.warn({ err: error, actor: this.name }, `${error.message}: starting it again`);
    if (channels.restart.hasSubscribers) channels.restart.publish({ actor: this.name, error, delay });
    this.parent?.childRestarts(this.name, delay);
    this.launchAfter(delay);
  }

  private launchAfter(delay: number): void {
    this.backoff = this.system.clock.after(delay, () => {
      if (this.ended || this.stopping !== null) return;
      this.launch(
        () => {},
        (error) => this.died(error as PigeonholeError),
      );
    });
  }

  /** As a sibling of one that restarts: this one has done nothing, and no restart is counted. */
  restart(delay: number): void {
    const { vessel } = this;
    if (vessel === null || this.stopping !== null) return;
    this.launches++;
    this.vessel = null;
    vessel.kill();
    void vessel.gone.then(() => this.launchAfter(delay));
  }

  /** The actor has ended by itself, for good. */
  private finish(report: Exclude<Report, { ready: true }>): void {
    if (this.ended || this.stopping !== null) return;
    this.over();
    if (report.ended !== null && report.escalate)
      this.giveUp(new RemoteError(this.name, decodeError(report.ended)));
  }

  private giveUp(error: Error): void {
    if (this.parent === null) this.system.failed(this.name, error);
    else this.parent.crashed(error);
  }

  private over(): void {
    this.ended = true;
    this.system.ended(this);
    this.parent?.childEnded(this.name);
  }

  stop(deadline: number): Promise<void> {
    this.stopping ??= this.shutDown(deadline);
    return this.stopping;
  }

  private async shutDown(deadline: number): Promise<void> {
    const { vessel } = this;
    this.backoff?.cancel();
    if (vessel !== null) {
      vessel.send({ stop: deadline } satisfies Order);
      const alarm = systemClock.after(deadline + GRACE, () => vessel.kill());
      await vessel.gone;
      alarm.cancel();
    }
    if (!this.ended) this.over();
  }
}

function makeBoot({ system, definition, name, args, options }: Placing, share: Share | undefined): Boot {
  const of = `of actor '${name}'`;
  const module = options.module ?? definition.spec.module;
  if (module === undefined)
    throw optionError(
      'module',
      of,
      module,
      `with placement '${options.placement}', the URL of the module that exports the definition: import.meta.url`,
    );
  const { capabilities, transport } = system.runtime.explain(mailbox(name));
  if (!(options.placement === 'thread' ? capabilities.crossThread : capabilities.crossProcess))
    throw new PigeonholeError(
      'ERR_UNSUPPORTED',
      `placement '${options.placement}' ${of}: transport '${transport}' does not reach another ${options.placement}`,
      { transport, address: name },
    );
  return {
    module,
    definition: definition.name,
    name,
    args,
    ...(options.instances === undefined ? {} : { instances: options.instances }),
    ...(share === undefined ? {} : { share }),
    runtime: optionsFor(system.runtime.config, runtimeName(system.runtime.name, name, share), of),
  };
}

function runtimeName(own: string, actor: string, share: Share | undefined): string {
  return `${own}.${actor}${share === undefined ? '' : `.${share.index}`}`.slice(-128);
}

/** What the other runtime is configured with: as this one, whatever its sources were. */
function optionsFor(config: ResolvedConfig, name: string, of: string): RuntimeOptions {
  const mailboxes: NonNullable<RuntimeOptions['mailboxes']> = Object.fromEntries(
    [...config.mailboxes].map(([key, settings]) => {
      if (settings.transport !== undefined) checkPlain(settings.transport, `mailboxes.${key}.transport`, of);
      return [key, settings];
    }),
  );
  if (config.transport !== undefined) checkPlain(config.transport, 'transport', of);
  return {
    name: name.replace(/^[^A-Za-z0-9]+/, ''),
    namespace: config.namespace,
    directory: config.directory,
    ...(config.transport === undefined ? {} : { transport: config.transport }),
    mailboxes,
    limits: config.limits,
    inbox: config.inbox,
    busyPoll: config.busyPoll,
    closeDeadline: config.closeDeadline,
    logLevel: config.logger === false ? 'silent' : config.logLevel,
    config: false,
  };
}

function checkPlain(setting: TransportSetting, key: string, of: string): void {
  if (typeof setting === 'string' || 'use' in setting) return;
  throw new PigeonholeError(
    'ERR_UNSUPPORTED',
    `placement ${of}: ${key} is a Transport object, which cannot be passed on; give its name, or { use: name, ... }`,
  );
}
