import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkOptions } from './call-options.js';
import type { Codec, CodecName } from './codec.js';
import { PigeonholeError, show } from './errors.js';
import { checkName } from './naming.js';

/** `0` (rendezvous), a positive integer (bounded) or `'unbounded'`. */
export type Capacity = number | 'unbounded';
export type Ordering = 'fifo' | 'priority';

/** `T` is what is received, `I` what is sent: they differ where a schema transforms. */
export interface MailboxOptions<T = unknown, I = T> {
  /** Default: the mailbox's own if it exists, else 1024. */
  capacity?: Capacity;
  /** Checked at the sender; what it returns is what is sent. Any Standard Schema (valibot, zod, arktype, …). */
  schema?: StandardSchemaV1<I, T>;
  /** Default `'fifo'`. `'priority'`: higher `priority` first, first in first out within one. */
  ordering?: Ordering;
  /**
   * How this process encodes bodies for it. Default `'msgpack'`. `'raw'` takes a Uint8Array and gives a Buffer, whose `buffer`, as of any Buffer,
   * may be larger than it: mind `byteOffset`.
   */
  codec?: CodecName | Codec;
}

/** Indirect naming: a mailbox by its name. Made by `mailbox()`; plain data, cheap, needs no runtime. */
export interface MailboxAddress<T = unknown, I = T> extends MailboxOptions<T, I> {
  readonly kind: 'mailbox';
  readonly name: string;
}

/** Direct naming: a process by its name. Made by `peer()`. */
export interface PeerAddress<T = unknown, I = T> {
  readonly kind: 'peer';
  readonly name: string;
  readonly schema?: StandardSchemaV1<I, T>;
}

/** Asymmetric direct naming at the receiver: whoever sent directly to this process. */
export interface AnyPeerAddress<T = unknown> {
  readonly kind: 'anyPeer';
  readonly body?: T;
}

export type Destination<T = unknown, I = T> = MailboxAddress<T, I> | PeerAddress<T, I>;
export type Source<T = unknown, I = T> = MailboxAddress<T, I> | PeerAddress<T, I> | AnyPeerAddress<T>;

/** The type of the messages that are received from an address. */
export type BodyOf<A> =
  A extends MailboxAddress<infer T, infer _>
    ? T
    : A extends PeerAddress<infer T, infer _>
      ? T
      : A extends AnyPeerAddress<infer T>
        ? T
        : never;

/** The type of what is sent to an address: what its schema takes, where that transforms. */
export type InputOf<A> =
  A extends MailboxAddress<infer _, infer I> ? I : A extends PeerAddress<infer _, infer I> ? I : never;

/** Of one that takes more than is named (`mailbox<Order>(…)`), what it takes is not looked at. */
type Schema<T, I> = StandardSchemaV1<I, T> | StandardSchemaV1<unknown, T>;
/** A schema that says nothing of its input takes what it gives. */
type Sent<T, I> = unknown extends I ? T : I;

export function isCapacity(capacity: unknown): capacity is Capacity {
  if (typeof capacity !== 'number') return capacity === 'unbounded';
  return Number.isSafeInteger(capacity) && capacity >= 0 && capacity < 2 ** 32 - 1;
}

export function checkCapacity(capacity: unknown, of: string): Capacity {
  if (isCapacity(capacity)) return capacity;
  throw new PigeonholeError(
    'ERR_CAPACITY',
    `capacity of ${of} is ${show(capacity)}; it must be 0 (rendezvous), an integer from 1 to 4294967294, or 'unbounded'`,
    { address: of },
  );
}

/**
 * Names a mailbox. Throws `ERR_NAME` for a name outside `^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`, `ERR_CAPACITY` for a bad capacity,
 * `ERR_CONFIG` for a bad ordering, or an option that there is not.
 *
 * The types of what is sent and received are those of the schema, or are given: `mailbox<Order>('orders')`, or
 * `mailbox<Received, Sent>('orders', { schema })`.
 */
export function mailbox<T = unknown, I = T>(
  name: string,
  options: Omit<MailboxOptions<T>, 'schema'> & { schema?: Schema<T, I> } = {},
): MailboxAddress<T, Sent<T, I>> {
  checkName(name, 'mailbox');
  checkOptions(options, ['capacity', 'ordering', 'schema', 'codec'], `mailbox '${name}'`);
  if (options.capacity !== undefined) checkCapacity(options.capacity, `mailbox '${name}'`);
  if (options.ordering !== undefined && options.ordering !== 'fifo' && options.ordering !== 'priority')
    throw new PigeonholeError(
      'ERR_CONFIG',
      `ordering of mailbox '${name}' is ${show(options.ordering)}; allowed: 'fifo', 'priority'`,
      { address: name },
    );
  if (options.schema !== undefined && typeof options.schema['~standard']?.validate !== 'function')
    throw new PigeonholeError(
      'ERR_CONFIG',
      `schema of mailbox '${name}' is not a Standard Schema (it has no '~standard'.validate)`,
      {
        address: name,
      },
    );
  return Object.freeze({ ...options, kind: 'mailbox', name }) as MailboxAddress<T, Sent<T, I>>;
}

/** Names a process for direct messages. Throws `ERR_NAME`, or `ERR_CONFIG` for an option that there is not. Types as those of `mailbox`. */
export function peer<T = unknown, I = T>(
  name: string,
  options: { schema?: Schema<T, I> } = {},
): PeerAddress<T, Sent<T, I>> {
  checkName(name, 'peer');
  checkOptions(options, ['schema'], `peer '${name}'`);
  return Object.freeze({ ...options, kind: 'peer', name }) as PeerAddress<T, Sent<T, I>>;
}

/** Any process that sent directly to this one: `receive(anyPeer)`; `message.from` says who. */
export const anyPeer: AnyPeerAddress = Object.freeze({ kind: 'anyPeer' as const });
