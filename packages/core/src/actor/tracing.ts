/**
 * What happens to actor messages, for whoever listens (tracers, metrics): `node:diagnostics_channel`. A channel that nobody
 * listens to costs one comparison a message.
 */
import { channel } from 'node:diagnostics_channel';
import type { Message } from '../message.js';
import { type ActorRequest, traceOf } from './protocol.js';
import type { TraceContext } from './types.js';

/** `pigeonhole:actor:send`, before the message is encoded. A listener may set `trace`, which then travels with it. */
export interface SendEvent {
  readonly actor: string;
  readonly handler: string;
  readonly kind: 'tell' | 'ask' | 'stream';
  readonly arg: unknown;
  trace: TraceContext | null;
}

/** `pigeonhole:actor:accept`, once the mailbox has it. */
export interface AcceptEvent {
  readonly actor: string;
  readonly handler: string;
}

/** `pigeonhole:actor:receive`, when it is taken from the mailbox. `waited`: milliseconds since it was sent. */
export interface ReceiveEvent {
  readonly actor: string;
  readonly handler: string;
  readonly from: string;
  readonly trace: TraceContext | null;
  readonly waited: number;
}

/** `pigeonhole:actor:handle`, when its turn has ended. `error` if it threw. */
export interface HandleEvent {
  readonly actor: string;
  readonly handler: string;
  readonly trace: TraceContext | null;
  /** Milliseconds. */
  readonly duration: number;
  readonly error: unknown;
}

/** `pigeonhole:actor:restart`: `delay` milliseconds from now. */
export interface RestartEvent {
  readonly actor: string;
  readonly error: unknown;
  readonly delay: number;
}

export const channels = {
  send: channel('pigeonhole:actor:send'),
  accept: channel('pigeonhole:actor:accept'),
  receive: channel('pigeonhole:actor:receive'),
  handle: channel('pigeonhole:actor:handle'),
  restart: channel('pigeonhole:actor:restart'),
} as const;

/** Call it only where somebody listens. */
export function publishReceived(actor: string, request: ActorRequest, { from, sentAt }: Message): void {
  const { handler, headers } = request;
  const waited = Math.max(0, Date.now() - sentAt);
  channels.receive.publish({ actor, handler, from, trace: traceOf(headers), waited });
}

/** Likewise. */
export function publishHandled(actor: string, request: ActorRequest, duration: number, error: unknown): void {
  const { handler, headers } = request;
  channels.handle.publish({ actor, handler, trace: traceOf(headers), duration, error });
}
