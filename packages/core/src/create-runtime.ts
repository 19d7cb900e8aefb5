import { isDeepStrictEqual } from 'node:util';
import { AUTO, cannotFollow, differs, findCandidates } from './automatic.js';
import type { Carrier } from './carrier.js';
import {
  type Logger,
  loadTransport,
  type ResolvedConfig,
  type RuntimeOptions,
  resolveConfig,
  type TransportSetting,
} from './config.js';
import { DatagramCarrier } from './datagrams/carrier.js';
import { hasSystemCode, PigeonholeError } from './errors.js';
import { Network } from './hosted/network.js';
import { MemoryRegistry, memory } from './memory.js';
import { type NamespacePaths, newIncarnation, prepareNamespace } from './naming.js';
import { DirectoryRegistry } from './registry/directory.js';
import type { Registry, RegistryEvents } from './registry/registry.js';
import { Runtime } from './runtime.js';
import { StoreCarrier } from './stored.js';
import type { DatagramTransport, Link, LinkHandler, PeerInfo, PortContext, Transport } from './transport.js';

/** The transport when nobody chose one. */
const DEFAULT_TRANSPORT = AUTO;

/** The last process to leave removes the namespace's directory; who joins just then makes it anew. */
const JOIN_TRIES = 20;

/**
 * Joins a namespace under a name. Options add to the configuration file and the environment, and win over both.
 *
 * Rejects with `ERR_CONFIG` or `ERR_NAME` for bad configuration, `ERR_IN_USE` when a live process has the name, `ERR_TRANSPORT` or
 * `ERR_NATIVE_UNAVAILABLE` when a transport cannot be loaded, `ERR_INSECURE_DIR`, `ERR_PERMISSION`, `ERR_PATH_TOO_LONG`,
 * `ERR_NO_SPACE` or `ERR_OS_LIMIT` for the runtime directory. A rejected call leaves nothing behind.
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  const config = await resolveConfig(options);
  const logger = await loggerFor(config);
  for (let tries = 1; ; tries++) {
    try {
      return await new Assembly(config, logger).start();
    } catch (error) {
      const vanished =
        hasSystemCode(error, 'ENOENT') ||
        (error instanceof PigeonholeError && hasSystemCode(error.cause, 'ENOENT'));
      if (!vanished || tries === JOIN_TRIES || !(await resolveDirectoryAgain(config))) throw error;
    }
  }
}

async function resolveDirectoryAgain(config: ResolvedConfig): Promise<boolean> {
  await prepareNamespace(config.directory, config.namespace);
  return true;
}

interface Used {
  /** All that ask for this transport. */
  readonly settings: TransportSetting[];
  readonly transport: Transport;
  carrier: Carrier | null;
}

const silent = (): void => {};
const SILENT: Logger = { debug: silent, info: silent, warn: silent, error: silent };

/** pino is loaded only where it is what logs: to load it is a tenth of what a process takes to start. */
async function loggerFor({ name, logger, logLevel }: ResolvedConfig): Promise<Logger> {
  if (logger !== undefined) return logger === false ? SILENT : logger;
  const { pino } = await import('pino');
  const own: Logger = pino(
    { name: 'pigeonhole', level: logLevel, base: { runtime: name, pid: process.pid } },
    pino.destination({ dest: 2, sync: true }),
  );
  return own;
}

/** Puts a runtime together: transports, ports, registry, carriers. Takes down what it put up if that fails. */
class Assembly {
  private readonly ports: Record<string, string> = {};
  private readonly self: PeerInfo;
  private readonly used: Used[] = [];
  /** The settings that leave it open which transport it is. */
  private readonly automatic: TransportSetting[] = [];
  /** Why they came to what they did. */
  private why = '';
  private readonly undo: (() => Promise<unknown>)[] = [];
  private paths: NamespacePaths | null = null;
  private runtime: Runtime | null = null;
  private readonly early: (() => void)[] = [];

  constructor(
    private readonly config: ResolvedConfig,
    private readonly logger: Logger,
  ) {
    this.self = { name: config.name, incarnation: newIncarnation(), pid: process.pid, ports: this.ports };
  }

  async start(): Promise<Runtime> {
    try {
      return await this.assemble();
    } catch (error) {
      for (const step of this.undo.reverse()) await step().catch((second: Error) => this.warn(second));
      throw error;
    }
  }

  private async assemble(): Promise<Runtime> {
    const { config } = this;
    await this.load(config.transport ?? DEFAULT_TRANSPORT, 'transport');
    for (const [name, { transport }] of config.mailboxes)
      if (transport !== undefined) await this.load(transport, `mailboxes.${name}.transport`);
    const registry = await this.openRegistry();
    for (const used of this.used) await this.carry(used, registry);
    if (this.automatic.length > 0) await this.settle(registry as DirectoryRegistry);
    const carriers = this.used.map(({ carrier }) => carrier as Carrier);
    await registry.join(async () => {
      for (const carrier of carriers) if (carrier instanceof StoreCarrier) await carrier.start();
    });
    if (registry instanceof DirectoryRegistry && this.automatic.length === 0) await this.compare(registry);
    this.runtime = new Runtime({
      config,
      registry,
      logger: this.logger,
      carriers,
      carrier: (mailbox) => this.choose(mailbox),
      warn: (error) => this.warn(error),
      end: () => this.tidy(registry),
    });
    // Whoever was there already is reported when the caller has had the chance to listen.
    setImmediate(() => {
      for (const report of this.early.splice(0)) report();
    });
    return this.runtime;
  }

  private async carry(used: Used, registry: Registry): Promise<void> {
    used.carrier = await this.carrierFor(used, registry);
    this.undo.push(() => (used.carrier as Carrier).close(0).then(() => used.carrier?.end()));
  }

  /** Takes the transport that the others who left it open have taken, else the fastest that works here. */
  private async settle(registry: DirectoryRegistry): Promise<void> {
    const candidates = await findCandidates(this.config);
    for (;;) {
      const { working, failing } = candidates;
      const { choice, by } = await registry.agree(working.map(({ mark }) => mark));
      const found = working.find(({ mark }) => mark === choice);
      const who = by === null ? null : `'${await registry.nameOf(by)}'`;
      if (found === undefined) throw cannotFollow(choice, who ?? '', candidates);
      const { transport } = found;
      const passed = [...failing.keys()].map((name) => `${name} does not`).join(', ');
      this.why =
        who === null
          ? `the fastest that works here${passed && ` (${passed})`}`
          : `process ${who} has it already`;
      const present = this.used.find((used) => used.transport.name === transport.name);
      if (present !== undefined) return void present.settings.push(...this.automatic);
      const used: Used = { settings: this.automatic, transport, carrier: null };
      try {
        await this.carry(used, registry);
        this.used.push(used);
        return;
      } catch (error) {
        if (by !== null || working.length === 1) throw error;
        await registry.disagree();
        failing.set(transport.name, (error as Error).message);
        working.splice(working.indexOf(found), 1);
      }
    }
  }

  /** Tells the operator where those who left the transport open have another than this process has: neither would hear of the other's mailboxes. */
  private async compare(registry: DirectoryRegistry): Promise<void> {
    const configured = this.used.map(({ transport }) => transport.name);
    for (const { choice, by } of await registry.agreed()) {
      if (configured.some((name) => choice === name || choice.startsWith(`${name}-`))) continue;
      const error = differs(choice, `'${await registry.nameOf(by)}'`, configured);
      this.early.push(() => this.warn(error));
    }
  }

  private async load(setting: TransportSetting, key: string): Promise<void> {
    if (isAutomatic(setting)) return void this.automatic.push(setting);
    const same = this.used.find(({ settings }) => settings.some((each) => isDeepStrictEqual(each, setting)));
    if (same !== undefined) return void same.settings.push(setting);
    const transport = await loadTransport(setting, this.config.resolveFrom, { memory });
    const namesake = this.used.find((used) => used.transport.name === transport.name);
    if (namesake === undefined) this.used.push({ settings: [setting], transport, carrier: null });
    else if (typeof setting === 'string' || Object.keys(setting).length === 1)
      namesake.settings.push(setting);
    else
      throw new PigeonholeError(
        'ERR_CONFIG',
        `option ${key} configures transport '${transport.name}' in another way than it is configured already; a process has one port ` +
          `on each transport: give the same options everywhere, or '${transport.name}' alone to use the other's`,
        { transport: transport.name },
      );
  }

  private async openRegistry(): Promise<Registry> {
    const { config, self } = this;
    const events = this.registryEvents();
    if (
      this.automatic.length === 0 &&
      !this.used.some(
        ({ transport }) => transport.capabilities.crossProcess || transport.capabilities.crossThread,
      )
    ) {
      const registry = new MemoryRegistry(config.namespace, self, events);
      this.undo.push(() => registry.leave());
      return registry;
    }
    this.paths = await prepareNamespace(config.directory, config.namespace);
    const registry = new DirectoryRegistry(this.paths, self, events);
    this.undo.push(async () => {
      await registry.leave();
      await registry.tidy();
    });
    await registry.appear();
    return registry;
  }

  private async carrierFor({ transport }: Used, registry: Registry): Promise<Carrier> {
    const { config, self } = this;
    const { limits, namespace } = config;
    const events = this.registryEvents();
    let network: Network | null = null;
    const context: PortContext = {
      namespace,
      self,
      path: (suffix) => this.path(suffix),
      staging: (path) => (this.paths as NamespacePaths).staging(path),
      accept: (link: Link): LinkHandler => network?.accept(link) ?? turnAway(link),
      busyPoll: config.busyPoll,
      warn: (error) => this.warn(error),
    };
    if (transport.kind === 'store') {
      const attachment = await transport.attach(context);
      const inbox = { capacity: config.inbox.capacity, maxBytes: limits.maxBytes };
      return new StoreCarrier(transport, attachment, registry, inbox, (error) => this.warn(error));
    }
    if (transport.kind === 'datagram') return this.datagramCarrier(transport, context, registry);
    const port = await transport.open(context);
    this.ports[transport.name] = port.address;
    try {
      network = new Network({
        transport,
        port,
        namespace,
        registry,
        limits,
        inboxCapacity: config.inbox.capacity,
        busyPoll: config.busyPoll,
        events,
        hosting: (mailbox, host) => apart(() => this.runtime?.emit('mailbox:host', { mailbox, host })),
        lost: (mailbox, host, lost) =>
          apart(() => this.runtime?.emit('mailbox:lost', { mailbox, host, lost })),
        warn: (error) => this.warn(error),
      });
    } catch (error) {
      delete this.ports[transport.name];
      await port.close().catch((closing: Error) => this.warn(closing));
      throw error;
    }
    return network;
  }

  private async datagramCarrier(
    transport: DatagramTransport,
    context: PortContext,
    registry: Registry,
  ): Promise<Carrier> {
    const carrier = new DatagramCarrier({
      ...{ transport, registry, limits: this.config.limits, inboxCapacity: this.config.inbox.capacity },
      busyPoll: this.config.busyPoll,
      hosting: (mailbox, host) => apart(() => this.runtime?.emit('mailbox:host', { mailbox, host })),
    });
    const port = await transport.open({
      ...context,
      receive: (datagram, origin) => carrier.receive(datagram, origin),
    });
    this.ports[transport.name] = port.address;
    carrier.listen(port);
    return carrier;
  }

  private path(suffix: string): string {
    if (this.paths === null)
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `a transport that stays within this process has no files (path '${suffix}' was asked for)`,
      );
    return this.paths.port(this.self.incarnation, suffix);
  }

  private choose(mailbox: string | undefined): { carrier: Carrier; reason: string } {
    const own = mailbox === undefined ? undefined : this.config.mailboxes.get(mailbox)?.transport;
    const setting = own ?? this.config.transport ?? DEFAULT_TRANSPORT;
    const { carrier } = this.used.find(({ settings }) => settings.includes(setting)) as Used;
    const reason =
      own !== undefined
        ? `configured for this mailbox (mailboxes.${mailbox}.transport)`
        : this.config.transport !== undefined
          ? 'configured (transport)'
          : `the default: no transport is configured`;
    const why = isAutomatic(setting) ? `auto: ${this.why}; ${reason}` : reason;
    return { carrier: carrier as Carrier, reason: why };
  }

  private registryEvents(): RegistryEvents {
    const report = (event: 'peer:up' | 'peer:down', { name, incarnation, pid }: PeerInfo): void => {
      const emit = (): void => apart(() => this.runtime?.emit(event, { name, incarnation, pid }));
      if (this.runtime === null || this.early.length > 0) this.early.push(emit);
      else emit();
    };
    const carriers = (): Carrier[] => this.used.flatMap(({ carrier }) => (carrier === null ? [] : [carrier]));
    return {
      peerUp: (peer) => {
        report('peer:up', peer);
        for (const carrier of carriers()) carrier.lookAgain(`@${peer.name}`);
      },
      peerDown: (peer) => {
        report('peer:down', peer);
        for (const carrier of carriers()) carrier.peerDown(peer);
      },
      hostChanged: (mailbox) => {
        for (const carrier of carriers()) carrier.lookAgain(mailbox);
      },
      warn: (error) => this.warn(error),
    };
  }

  private async tidy(registry: Registry): Promise<void> {
    if (registry instanceof DirectoryRegistry) await registry.tidy();
  }

  private warn(error: Error): void {
    apart(() => this.logger.warn({ err: error }, error.message));
    apart(() => this.runtime?.emit('warning', error));
  }
}

/** Nobody can know this process's port before it has joined; who connects all the same is as early as if nothing listened yet. */
function turnAway(link: Link): LinkHandler {
  link.destroy();
  return { data: () => {}, drain: () => {}, end: () => {} };
}

/** Throws `ERR_CONFIG` for options beside it: which transport would they be for? */
function isAutomatic(setting: TransportSetting): boolean {
  if (setting === AUTO) return true;
  if (typeof setting === 'string' || !('use' in setting) || setting.use !== AUTO) return false;
  const option = Object.keys(setting).find((key) => key !== 'use');
  if (option === undefined) return true;
  throw new PigeonholeError(
    'ERR_CONFIG',
    `transport 'auto' has no option '${option}': it may become one transport or another; name the one that the option is for`,
    { transport: AUTO },
  );
}

/** Runs what the application gave. What it throws is an uncaught exception of its own, and stops nothing here. */
function apart(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
