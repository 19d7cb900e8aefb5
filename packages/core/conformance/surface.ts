/**
 * The part of the public surface that the suite drives, as the rules state it. A `Runtime` of core fits it, and so does one
 * that a test has wrapped to break a rule on purpose.
 */
import type { MailboxAddress, MailboxOptions, PeerAddress, Source } from '../src/address.js';
import type { Message } from '../src/message.js';
import type { Transport } from '../src/transport.js';

export interface CallOptions {
  timeout?: number;
  signal?: AbortSignal;
}

export interface SendOptions extends CallOptions {
  type?: number;
  priority?: number;
}

export interface ReceiveOptions extends CallOptions {
  type?: number | readonly number[];
  from?: string;
}

export interface LoanUnderTest extends Disposable {
  readonly bytes: Uint8Array;
  commit(options?: SendOptions): Promise<void>;
  tryCommit(options?: SendOptions): Promise<boolean>;
  commitSync(options?: SendOptions): void;
  tryCommitSync(options?: SendOptions): boolean;
  cancel(): void;
}

export interface SenderUnderTest extends AsyncDisposable {
  send(body: unknown, options?: SendOptions): Promise<void>;
  sendMany(bodies: readonly unknown[], options?: SendOptions): Promise<void>;
  trySend(body: unknown, options?: SendOptions): Promise<boolean>;
  sendSync(body: unknown, options?: SendOptions): void;
  trySendSync(body: unknown, options?: SendOptions): boolean;
  loan(size: number): LoanUnderTest;
  close(): Promise<void>;
}

export interface ReceiverUnderTest extends AsyncDisposable, AsyncIterable<Message> {
  receive(options?: ReceiveOptions): Promise<Message>;
  receiveMany(max: number, options?: ReceiveOptions): Promise<Message[]>;
  tryReceive(options?: ReceiveOptions): Promise<Message | null>;
  receiveSync(options?: ReceiveOptions): Message;
  tryReceiveSync(options?: ReceiveOptions): Message | null;
  borrow<R>(read: (message: Message) => R | Promise<R>, options?: ReceiveOptions): Promise<R>;
  close(): Promise<void>;
}

/** What `runtime.explain(address)` says, as far as the suite asks. */
export interface Explanation {
  address: string;
  transport: string;
  kind: string;
  reason: string;
  capacity?: number | 'unbounded' | undefined;
  capabilities: {
    sync: boolean;
    crossThread: boolean;
    crossProcess: boolean;
    durable: boolean;
    lacks?: readonly string[];
  };
  limits: Readonly<Record<string, unknown>>;
}

export interface CloseReport {
  undelivered: readonly { mailbox: string; count: number }[];
  unsent: number;
}

/** Payloads of `runtime.on(event, …)`. */
export interface RuntimeEvents {
  'peer:up': { name: string; incarnation: string; pid: number };
  'peer:down': { name: string; incarnation: string; pid: number };
  'mailbox:host': { mailbox: string; host: string };
  'mailbox:lost': { mailbox: string; host: string; lost: number };
  warning: Error;
}

export type EventName = keyof RuntimeEvents;
export const eventNames: readonly EventName[] = [
  'peer:up',
  'peer:down',
  'mailbox:host',
  'mailbox:lost',
  'warning',
];

export interface RuntimeUnderTest extends AsyncDisposable {
  readonly name: string;
  send(to: MailboxAddress | PeerAddress, body: unknown, options?: SendOptions): Promise<void>;
  trySend(to: MailboxAddress | PeerAddress, body: unknown, options?: SendOptions): Promise<boolean>;
  receive(from: Source, options?: ReceiveOptions): Promise<Message>;
  tryReceive(from: Source, options?: ReceiveOptions): Promise<Message | null>;
  sender(to: MailboxAddress | PeerAddress): Promise<SenderUnderTest>;
  receiver(from: Source): Promise<ReceiverUnderTest>;
  select(sources: readonly Source[], options?: CallOptions): Promise<{ source: unknown; message: Message }>;
  explain(address: MailboxAddress | PeerAddress): Explanation | Promise<Explanation>;
  on<E extends EventName>(event: E, listener: (payload: RuntimeEvents[E]) => void): unknown;
  close(options?: { deadline?: number }): Promise<CloseReport>;
}

/** `'uds'`, `{ use: 'tcp', … }` or a `Transport` object. An object cannot leave its process: only `where: ['process']`. */
export type TransportSetting =
  | string
  | { readonly use: string; readonly [option: string]: unknown }
  | Transport;

export interface RuntimeSettings {
  name: string;
  namespace: string;
  directory: string;
  transport: TransportSetting;
  mailboxes?: Record<
    string,
    { transport?: TransportSetting; capacity?: number | 'unbounded'; maxBytes?: number }
  >;
  maxMessageBytes?: number;
  logger?: false;
}

export type CreateRuntime = (settings: RuntimeSettings) => Promise<RuntimeUnderTest>;

/** An address as plain data, so that it can be sent to another process; `schema` names one of `fixtures.ts`. */
export type AddressSpec =
  | ({ kind: 'mailbox'; name: string; schema?: string } & Omit<MailboxOptions, 'schema' | 'codec'> & {
        codec?: 'msgpack' | 'json' | 'raw' | `hostile ${string}` | `lying ${string}`;
      })
  | { kind: 'peer'; name: string; schema?: string }
  | { kind: 'anyPeer' };

export type Place = 'process' | 'threads' | 'processes';
export const everywhere: readonly Place[] = ['process', 'threads', 'processes'];
