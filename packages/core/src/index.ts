export type { ActorTimers, Context, SelfRef } from './actor/context.js';
export { type DeadLetter, type DeadLetters, deadLetters } from './actor/dead-letters.js';
export { defineActor } from './actor/define.js';
export { Refusal, RemoteError } from './actor/remote-error.js';
export type { RuntimeWatch } from './actor/runtime-watch.js';
export { type SignalOptions, stopOnSignals } from './actor/stopping.js';
export type { Subscription } from './actor/subscription.js';
export type { Strategy, SupervisionOptions } from './actor/supervision.js';
export type { ActorStatus } from './actor/system.js';
export {
  type Overflow,
  type PublishReport,
  type SubscribeOptions,
  type TopicAddress,
  topic,
} from './actor/topic.js';
export type { AcceptEvent, HandleEvent, ReceiveEvent, RestartEvent, SendEvent } from './actor/tracing.js';
export type {
  ActorDefinition,
  ActorRef,
  ActorSpec,
  AnyHandlers,
  ArgsOf,
  AskOptions,
  Handlers,
  HandlersOf,
  SpawnedActor,
  SpawnOptions,
  StopOptions,
  StreamOptions,
  TellOptions,
  TraceContext,
} from './actor/types.js';
export type { Termination } from './actor/watch.js';
export {
  type AnyPeerAddress,
  anyPeer,
  type BodyOf,
  type Capacity,
  type Destination,
  type InputOf,
  type MailboxAddress,
  type MailboxOptions,
  mailbox,
  type Ordering,
  type PeerAddress,
  peer,
  type Source,
} from './address.js';
export type { Drops, Undelivered } from './carrier.js';
export { compiled } from './codec/compiled/compiled.js';
export type { JsonSchema } from './codec/compiled/schema.js';
export { type Codec, type CodecLimits, type CodecName, codecFor } from './codec.js';
export type {
  Limits,
  Logger,
  LogLevel,
  MailboxSettings,
  RuntimeOptions,
  TransportSetting,
} from './config.js';
export { createRuntime } from './create-runtime.js';
export { type ErrorCode, errorCodes, PigeonholeError } from './errors.js';
export type { PeerEvent, RuntimeEvents } from './events.js';
export type { Loan } from './loan.js';
export { memory } from './memory.js';
export type { Message } from './message.js';
export type { ReceiveOptions, Receiver, TryReceiveOptions } from './receiver.js';
export type { CloseReport, Explanation, StopReport } from './reports.js';
export type { Runtime } from './runtime.js';
export type { Selected } from './select.js';
export type { Sender, SendOptions, TrySendOptions } from './sender.js';
export type { Capabilities, Transport } from './transport.js';
export type { WaitOptions } from './waiting.js';
