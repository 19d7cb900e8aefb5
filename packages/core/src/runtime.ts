import { EventEmitter } from 'eventemitter3';
import type { BodyOf, Capacity, Destination, MailboxAddress, Source } from './address.js';
import type { Carrier, Undelivered } from './carrier.js';
import { codecFor } from './codec.js';
import type { Logger, MailboxSettings, ResolvedConfig } from './config.js';
import { PigeonholeError, show } from './errors.js';
import type { RuntimeEvents } from './events.js';
import {
  type ReceiveOptions,
  Receiver,
  Sender,
  type SendOptions,
  type TryReceiveOptions,
  type TrySendOptions,
} from './mailbox.js';
import type { Message } from './message.js';
import { Pending } from './pending.js';
import type { Registry } from './registry/registry.js';
import { type Choice, type Selected, Selection } from './select.js';
import type { Capabilities, MailboxSpec } from './transport.js';
import type { WaitOptions } from './waiters.js';

/** What `explain` tells of an address. */
export interface Explanation {
  readonly address: string;
  readonly transport: string;
  readonly kind: 'link' | 'store';
  /** Why this transport. */
  readonly reason: string;
  /** The mailbox's own if this process has reached it, else what is configured; undefined: whatever it turns out to have. */
  readonly capacity: Capacity | undefined;
  /** Name of the process that hosts it, if known; null on a store. */
  readonly host: string | null;
  readonly codec: string;
  readonly capabilities: Capabilities;
  readonly limits: {
    readonly maxMessageBytes: number;
    readonly maxDepth: number;
    readonly maxNodes: number;
    readonly maxBytes: number;
  };
}

/** What `close` could not deliver. */
export interface CloseReport {
  /** Accepted messages that went with the mailboxes hosted here: nobody else could take them over. */
  readonly undelivered: readonly Undelivered[];
  /** Calls of `send` that were still waiting and were rejected with `ERR_CLOSED`. */
  readonly unsent: number;
}

/** @internal what `createRuntime` puts together */
export interface RuntimeParts {
  readonly config: ResolvedConfig;
  readonly registry: Registry;
  readonly logger: Logger;
  /** The carrier of a mailbox by name; undefined: the default, which also carries direct messages. */
  carrier(mailbox: string | undefined): { carrier: Carrier; reason: string };
  readonly carriers: readonly Carrier[];
  /** After everything else. */
  end(): Promise<void>;
}

/** One process's membership of a namespace: its mailboxes, its inbox, its view of the others. Made by `createRuntime`. */
export class Runtime extends EventEmitter<RuntimeEvents> {
  private readonly senders = new Map<string, Promise<Sender>>();
  private readonly receivers = new Map<string, Promise<Receiver>>();
  private readonly handles = new Set<Sender | Receiver>();
  private readonly identities = new WeakMap<object, number>();
  private readonly selecting = new Pending('select');
  private nextIdentity = 1;
  private nextChoice = 0;
  private closing: Promise<CloseReport> | null = null;

  /** @internal use `createRuntime()` */
  constructor(private readonly parts: RuntimeParts) {
    super();
  }

  get name(): string {
    return this.parts.config.name;
  }

  get namespace(): string {
    return this.parts.config.namespace;
  }

  /** `Sender.send` on a handle that the runtime opens at first use and keeps. The timeout covers the opening too. */
  async send<A extends Destination>(to: A, body: BodyOf<A>, options: SendOptions = {}): Promise<void> {
    const sender = await this.implicit(this.senders, to, options, () => this.sender(to));
    return sender.send(body, options);
  }

  /** `Sender.trySend`, likewise. */
  async trySend<A extends Destination>(
    to: A,
    body: BodyOf<A>,
    options: TrySendOptions & WaitOptions = {},
  ): Promise<boolean> {
    const sender = await this.implicit(this.senders, to, options, () => this.sender(to));
    return sender.trySend(body, options);
  }

  /** `Receiver.receive`, likewise. Receiving from a mailbox that nobody hosts makes this process its host. */
  async receive<A extends Source>(from: A, options: ReceiveOptions = {}): Promise<Message<BodyOf<A>>> {
    const receiver = await this.implicit(this.receivers, from, options, () => this.receiver(from));
    return receiver.receive(options) as Promise<Message<BodyOf<A>>>;
  }

  /** `Receiver.tryReceive`, likewise. */
  async tryReceive<A extends Source>(
    from: A,
    options: TryReceiveOptions & WaitOptions = {},
  ): Promise<Message<BodyOf<A>> | null> {
    const receiver = await this.implicit(this.receivers, from, options, () => this.receiver(from));
    return receiver.tryReceive(options) as Promise<Message<BodyOf<A>> | null>;
  }

  /**
   * Opens a handle for sending. Resolves whether or not anybody hosts the mailbox (or the process is there) yet; `send`
   * waits. Rejects with `ERR_CAPACITY_MISMATCH` when the mailbox is known to have another capacity.
   */
  async sender<A extends Destination>(to: A): Promise<Sender<BodyOf<A>>> {
    this.checkOpen();
    const { carrier } = this.carrierOf(to);
    const codec = codecFor(to.kind === 'mailbox' ? (to.codec ?? 'msgpack') : 'msgpack');
    const opened =
      to.kind === 'mailbox'
        ? await carrier.open(this.specOf(to), 'sender')
        : { channel: carrier.direct(to.name), release: () => {} };
    const sender: Sender = new Sender({
      ...this.handleSetup(to, carrier),
      channel: opened.channel,
      codec,
      from: this.name,
      limits: this.parts.config.limits,
      schema: to.schema,
      release: () => this.released(sender, opened.release),
    });
    return this.opened(sender) as Promise<Sender<BodyOf<A>>>;
  }

  /**
   * Opens a handle for receiving; on a link transport the first process to do so hosts the mailbox. Rejects with
   * `ERR_CAPACITY_MISMATCH` when the mailbox has another capacity.
   */
  async receiver<A extends Source>(from: A): Promise<Receiver<BodyOf<A>>> {
    this.checkOpen();
    const { carrier } = this.carrierOf(from);
    const codec = codecFor(from.kind === 'mailbox' ? (from.codec ?? 'msgpack') : 'msgpack');
    const opened =
      from.kind === 'mailbox'
        ? await carrier.open(this.specOf(from), 'receiver')
        : { channel: carrier.inbox(), release: () => {} };
    const receiver: Receiver = new Receiver({
      ...this.handleSetup(from, carrier),
      channel: opened.channel,
      codec,
      from: from.kind === 'peer' ? from.name : null,
      release: () => this.released(receiver, opened.release),
    });
    return this.opened(receiver) as Promise<Receiver<BodyOf<A>>>;
  }

  /**
   * Waits on several mailboxes (and `peer()`, `anyPeer`) and takes one message from one of them; nothing is taken from the
   * others. Rejects as `receive` does.
   */
  async select<const S extends readonly Source[]>(
    sources: S,
    options: WaitOptions = {},
  ): Promise<Selected<S[number]>> {
    this.checkOpen();
    if (!Array.isArray(sources) || sources.length === 0)
      throw new PigeonholeError(
        'ERR_CONFIG',
        `select: sources is ${show(sources)}; it must be an array of at least one mailbox, peer or anyPeer`,
      );
    const started = performance.now();
    const receivers = await Promise.all(
      sources.map((source) => this.implicit(this.receivers, source, options, () => this.receiver(source))),
    );
    this.selecting.check(options);
    const choices = sources.map((source, at): Choice => (receivers[at] as Receiver).choice(source));
    const selection = new Selection();
    selection.start(choices, this.nextChoice++);
    const left =
      options.timeout === undefined
        ? options
        : { ...options, timeout: Math.max(0, options.timeout - (performance.now() - started)) };
    return this.selecting.outcome(selection, left, 'select', () => selection.withdrawn()) as Promise<
      Selected<S[number]>
    >;
  }

  /** Which transport carries an address, why, and what it guarantees and limits. Opens nothing. */
  explain(address: Source | Destination): Explanation {
    const { carrier, reason } = this.carrierOf(address);
    const { transport } = carrier;
    const name =
      address.kind === 'mailbox' ? address.name : `@${address.kind === 'peer' ? address.name : this.name}`;
    const settings = this.settingsOf(address);
    const { capacity, host } = carrier.describe(name);
    const asked =
      address.kind === 'mailbox' ? (settings.capacity ?? address.capacity) : this.parts.config.inbox.capacity;
    const codec = address.kind === 'mailbox' ? (address.codec ?? 'msgpack') : 'msgpack';
    return {
      address: labelOf(address),
      transport: transport.name,
      kind: transport.kind,
      reason,
      capacity: capacity ?? asked,
      host,
      codec: typeof codec === 'string' ? codec : codec.name,
      capabilities: transport.capabilities,
      limits: {
        ...this.parts.config.limits,
        maxBytes: settings.maxBytes ?? this.parts.config.limits.maxBytes,
      },
    };
  }

  /** The other live processes of the namespace. */
  peers(): { readonly name: string; readonly incarnation: string; readonly pid: number }[] {
    return this.parts.registry.peers().map(({ name, incarnation, pid }) => ({ name, incarnation, pid }));
  }

  /**
   * Settles every pending call (`ERR_CLOSED`), hands mailboxes hosted here to processes that have receivers open, says goodbye,
   * and removes what belongs to this process. Then nothing of the runtime keeps the process alive. Waits at most `deadline`
   * milliseconds (default: `closeDeadline`, 1000) for others. Closing again gives the same report.
   */
  close(options: { deadline?: number } = {}): Promise<CloseReport> {
    const { deadline = this.parts.config.closeDeadline } = options;
    if (!(deadline >= 0 && deadline < 2 ** 31))
      return Promise.reject(
        new PigeonholeError(
          'ERR_CONFIG',
          `option deadline is ${show(deadline)}; it must be 0 to 2147483647 milliseconds`,
        ),
      );
    this.closing ??= this.shutDown(deadline);
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(() => {});
  }

  private async shutDown(deadline: number): Promise<CloseReport> {
    const { carriers, registry } = this.parts;
    await this.selecting.close((selection) => (selection as Selection).withdrawn());
    const unsent = await Promise.all([...this.handles].map((handle) => handle.finish()));
    const undelivered = (await Promise.all(carriers.map((carrier) => carrier.close(deadline)))).flat();
    await registry.leave();
    await Promise.all(carriers.map((carrier) => carrier.end()));
    await this.parts.end();
    this.removeAllListeners();
    return { undelivered, unsent: unsent.reduce((sum, count) => sum + count, 0) };
  }

  private checkOpen(): void {
    if (this.closing !== null)
      throw new PigeonholeError('ERR_CLOSED', `runtime '${this.name}' is closed`, { address: this.name });
  }

  private carrierOf(address: Source | Destination): { carrier: Carrier; reason: string } {
    const kinds = ['mailbox', 'peer', 'anyPeer'];
    if (typeof address !== 'object' || address === null || !kinds.includes(address.kind))
      throw new PigeonholeError(
        'ERR_CONFIG',
        `${show(address)} is no address; make one with mailbox(), peer() or anyPeer`,
      );
    return this.parts.carrier(address.kind === 'mailbox' ? address.name : undefined);
  }

  private settingsOf(address: Source | Destination): MailboxSettings {
    return (address.kind === 'mailbox' ? this.parts.config.mailboxes.get(address.name) : undefined) ?? {};
  }

  private specOf(address: MailboxAddress): MailboxSpec {
    const { capacity, ordering, maxBytes } = this.settingsOf(address);
    return {
      name: address.name,
      capacity: capacity ?? address.capacity,
      ordering: ordering ?? address.ordering,
      maxBytes: maxBytes ?? this.parts.config.limits.maxBytes,
    };
  }

  private handleSetup(
    address: Source | Destination,
    { transport }: Carrier,
  ): { label: string; sync: boolean; transport: string } {
    return { label: labelOf(address), sync: transport.capabilities.sync, transport: transport.name };
  }

  /** Registers a handle, unless the runtime was closed while it was being opened. */
  private async opened<H extends Sender | Receiver>(handle: H): Promise<H> {
    this.handles.add(handle);
    if (this.closing !== null) {
      await handle.close();
      this.checkOpen();
    }
    return handle;
  }

  private released(handle: Sender | Receiver, release: () => void): void {
    this.handles.delete(handle);
    release();
  }

  /** The handle that `send`, `receive` and the like share for an address. */
  private async implicit<H>(
    cache: Map<string, Promise<H>>,
    address: Source,
    wait: WaitOptions,
    open: () => Promise<H>,
  ): Promise<H> {
    this.checkOpen();
    this.selecting.check(wait);
    const key = this.keyOf(address);
    let handle = cache.get(key);
    if (handle === undefined) {
      handle = open();
      cache.set(key, handle);
      handle.catch(() => cache.delete(key));
    }
    return wait.timeout === undefined && wait.signal === undefined
      ? handle
      : patiently(handle, wait, labelOf(address));
  }

  private keyOf(address: Source): string {
    if (address.kind === 'anyPeer') return '@';
    const identify = (value: unknown): string => {
      if (typeof value !== 'object' || value === null) return String(value);
      if (!this.identities.has(value)) this.identities.set(value, this.nextIdentity++);
      return `#${this.identities.get(value)}`;
    };
    if (address.kind === 'peer') return `@${address.name} ${identify(address.schema)}`;
    const { name, capacity, ordering, codec, schema } = address;
    return `${name} ${capacity} ${ordering} ${identify(codec)} ${identify(schema)}`;
  }
}

function labelOf(address: Source | Destination): string {
  if (address.kind === 'mailbox') return `mailbox '${address.name}'`;
  return address.kind === 'peer' ? `peer '${address.name}'` : 'anyPeer';
}

/** Waits for a handle to open, within the timeout and signal of the call that needs it. */
async function patiently<H>(handle: Promise<H>, { timeout, signal }: WaitOptions, label: string): Promise<H> {
  return new Promise<H>((resolve, reject) => {
    const expired = (): void =>
      reject(new PigeonholeError('ERR_TIMEOUT', `${label} could not be opened within timeout ${timeout} ms`));
    const timer = timeout === undefined || timeout >= 2 ** 31 ? undefined : setTimeout(expired, timeout);
    const aborted = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    handle.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    });
  });
}
