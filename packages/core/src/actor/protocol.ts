/**
 * Actor messages as ordinary message bodies: arrays, so that no key is spelled out on the wire. Requests go to the actor's
 * mailbox, which has the actor's name; everything else goes to the control mailbox of one runtime. docs/actors.md has both tables.
 */
import { type MailboxAddress, mailbox } from '../address.js';
import { controlName } from '../naming.js';
import type { Clock } from './clock.js';
import type { WireError } from './remote-error.js';
import type { TraceContext } from './types.js';

/** First element of a request: what the sender expects. */
export const Request = { tell: 1, ask: 2, stream: 3, watch: 4 } as const;

/** First element of a control message. */
export const Control = {
  /** `[kind, id, value]`: the reply. */
  reply: 10,
  /** `[kind, id, error]`: the handler threw, or nothing here handles that. */
  error: 11,
  /** `[kind, id, incarnation]`: a process works on it, and can be told to stop. */
  working: 12,
  /** `[kind, id, value]`: the next value of a stream. */
  value: 13,
  /** `[kind, id]`: the stream is over. */
  end: 14,
  /** `[kind, id]`: the caller has given up. */
  cancel: 15,
  /** `[kind, id, count]`: the caller has room for so many values more. */
  credit: 16,
  /** `[kind, id, incarnation]`: the watch is in place. */
  watching: 17,
  /** `[kind, id, reason, error]`: what was watched has ended. */
  terminated: 18,
  /** `[kind, id]`: it need not be told any more. */
  unwatch: 19,
  /** `[kind, topic, mailbox, overflow]` and `[kind, topic, mailbox]`. */
  subscribe: 20,
  unsubscribe: 21,
} as const;

/** What travels beside the argument; null when there is nothing. */
export interface Headers {
  /** W3C traceparent and tracestate. */
  p?: string;
  s?: string;
  /** Name of the actor that sent it. */
  a?: string;
  /** Replays: how often dead letters have sent it again. */
  r?: number;
}

/** A request, read and checked. */
export interface ActorRequest {
  readonly kind: number;
  readonly handler: string;
  readonly arg: unknown;
  readonly headers: Headers | null;
  /** Incarnation of the runtime that waits for the reply; '' for `tell`. */
  readonly replyTo: string;
  readonly id: number;
  /** Until when the reply is of use: milliseconds since the epoch, on the actors' clock. Infinity: always. */
  readonly deadline: number;
  /** Values a stream may send before it is given more credit. */
  readonly credit: number;
}

const incarnation = /^[0-9a-f]{16}$/;
/** The last one that was seen: most often the next is the same. */
let known = '';
const traceparent = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Null for what is no actor message: anybody may send to a mailbox. */
export function parseRequest(body: unknown): ActorRequest | null {
  if (!Array.isArray(body)) return null;
  // By index: destructuring an array runs its iterator, for every message.
  const kind: unknown = body[0];
  const handler: unknown = body[1];
  const arg: unknown = body[2];
  const headers: unknown = body[3];
  const replyTo: unknown = body[4] ?? '';
  const id: unknown = body[5] ?? 0;
  const deadline: unknown = body[6] ?? -1;
  const credit: unknown = body[7] ?? 0;
  if (typeof handler !== 'string' || !isKind(kind)) return null;
  if (kind !== Request.tell && !(isIncarnation(replyTo) && isCount(id))) return null;
  if (typeof deadline !== 'number' || !isCount(credit)) return null;
  return {
    kind,
    handler,
    arg,
    headers: parseHeaders(headers),
    replyTo: replyTo as string,
    id: id as number,
    deadline: deadline >= 0 ? deadline : Number.POSITIVE_INFINITY,
    credit,
  };
}

function isKind(kind: unknown): kind is number {
  return typeof kind === 'number' && kind >= Request.tell && kind <= Request.watch && Number.isInteger(kind);
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isIncarnation(value: unknown): value is string {
  if (value === known && known !== '') return true;
  if (typeof value !== 'string' || !incarnation.test(value)) return false;
  known = value;
  return true;
}

function parseHeaders(value: unknown): Headers | null {
  if (typeof value !== 'object' || value === null) return null;
  const { p, s, a, r } = value as Record<string, unknown>;
  const headers: Headers = {};
  if (typeof p === 'string' && traceparent.test(p)) {
    headers.p = p;
    if (typeof s === 'string' && s.length <= 512) headers.s = s;
  }
  if (typeof a === 'string') headers.a = a;
  if (isCount(r)) headers.r = r;
  return headers;
}

/** The trace context that came with a message. */
export function traceOf(headers: Headers | null): TraceContext | null {
  if (headers?.p === undefined) return null;
  return headers.s === undefined
    ? { traceparent: headers.p }
    : { traceparent: headers.p, tracestate: headers.s };
}

export function isTraceparent(value: unknown): value is string {
  return typeof value === 'string' && traceparent.test(value);
}

/** A timeout as it travels: where the time is taken from is one clock for all of a host. */
export function deadlineOf(timeout: number, clock: Clock): number {
  return timeout === Number.POSITIVE_INFINITY ? -1 : Math.ceil(clock.wall() + timeout);
}

export function encodeError({ name, message, code, data, stack }: WireError): unknown[] {
  return [name, message, code ?? null, data, stack ?? null];
}

export function decodeError(value: unknown): WireError {
  const [name, message, code, data, stack] = Array.isArray(value) ? (value as unknown[]) : [];
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : 'an error that cannot be read',
    code: typeof code === 'string' ? code : undefined,
    data,
    stack: typeof stack === 'string' ? stack : undefined,
  };
}

/** Where one runtime gets replies and whatever else concerns its actors. What it holds, this runtime has asked for. */
export function controlMailbox(incarnation: string): MailboxAddress<unknown> {
  return mailbox(controlName(incarnation), { capacity: 'unbounded' });
}
