import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Codec, CodecName } from './codec.js';
import { PigeonholeError, show } from './errors.js';
import { checkName } from './naming.js';

/** `0` (rendezvous), a positive integer (bounded) or `'unbounded'`. */
export type Capacity = number | 'unbounded';
export type Ordering = 'fifo' | 'priority';

export interface MailboxOptions<T = unknown> {
  /** Default: the mailbox's own if it exists, else 1024. */
  capacity?: Capacity;
  /** Checked at the sender; what it returns is what is sent. Any Standard Schema (valibot, zod, arktype, …). */
  schema?: StandardSchemaV1<unknown, T>;
  /** Default `'fifo'`. `'priority'`: higher `priority` first, first in first out within one. */
  ordering?: Ordering;
  /** How this process encodes bodies for it. Default `'msgpack'`. */
  codec?: CodecName | Codec;
}

/** Indirect naming: a mailbox by its name. Made by `mailbox()`; plain data, cheap, needs no runtime. */
export interface MailboxAddress<T = unknown> extends MailboxOptions<T> {
  readonly kind: 'mailbox';
  readonly name: string;
}

/** Direct naming: a process by its name. Made by `peer()`. */
export interface PeerAddress<T = unknown> {
  readonly kind: 'peer';
  readonly name: string;
  readonly schema?: StandardSchemaV1<unknown, T>;
}

/** Asymmetric direct naming at the receiver: whoever sent directly to this process. */
export interface AnyPeerAddress<T = unknown> {
  readonly kind: 'anyPeer';
  readonly body?: T;
}

export type Destination<T = unknown> = MailboxAddress<T> | PeerAddress<T>;
export type Source<T = unknown> = MailboxAddress<T> | PeerAddress<T> | AnyPeerAddress<T>;

/** The message type behind an address. */
export type BodyOf<A> =
  A extends MailboxAddress<infer T>
    ? T
    : A extends PeerAddress<infer T>
      ? T
      : A extends AnyPeerAddress<infer T>
        ? T
        : never;

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
 * `ERR_CONFIG` for a bad ordering.
 */
export function mailbox<T = unknown>(name: string, options: MailboxOptions<T> = {}): MailboxAddress<T> {
  checkName(name, 'mailbox');
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
  return Object.freeze({ ...options, kind: 'mailbox' as const, name });
}

/** Names a process for direct messages. Throws `ERR_NAME`. */
export function peer<T = unknown>(
  name: string,
  options: { schema?: StandardSchemaV1<unknown, T> } = {},
): PeerAddress<T> {
  checkName(name, 'peer');
  return Object.freeze({ ...options, kind: 'peer' as const, name });
}

/** Any process that sent directly to this one: `receive(anyPeer)`; `message.from` says who. */
export const anyPeer: AnyPeerAddress = Object.freeze({ kind: 'anyPeer' as const });
