/** What the author of a transport needs: the contract, and what several transports share. See docs/adding-a-transport.md. */
export { lacking } from './abilities.js';
export type { Capacity, Ordering } from './address.js';
export { BusyPoll } from './busy-poll.js';
export { type Codec, CodecId, type CodecLimits, verifyBody } from './codec.js';
export {
  type ErrorCode,
  type ErrorDetails,
  errorCodes,
  hasSystemCode,
  ifInstalled,
  PigeonholeError,
  show,
  WITHOUT_NATIVE,
} from './errors.js';
export { FrameKind, type Inbox, InboxLinks, type Outbox, type OutboxEvents } from './inbox-links.js';
export { type Envelope, MAX_PRIORITY, MAX_TYPE, matches, type Selector } from './message.js';
export {
  checkSocketPath,
  isOwned,
  kernelQueue,
  type QueueApi,
  queueOwnerFile,
  queueOwnerOf,
  queueRecordFile,
  queueRecordOf,
  sharedMemoryFile,
  sharedMemoryFolder,
} from './naming.js';
export { decodeUnverified } from './opening.js';
export { PACKET_HEAD, type PacketCarrier, PacketLinks } from './packet-links.js';
export { Patience } from './patience.js';
export { Queue } from './queue.js';
export { SocketLink, sharedIntake, writeThrough } from './socket-link.js';
export { capacityMismatch, DEFAULT_CAPACITY } from './spec.js';
export type {
  Ability,
  Capabilities,
  Channel,
  DatagramContext,
  DatagramPort,
  DatagramTransport,
  Lent,
  Link,
  LinkHandler,
  LinkTransport,
  MailboxSpec,
  PeerInfo,
  Port,
  PortContext,
  ProcessOptions,
  SendAtOnce,
  StoreAttachment,
  StoreChannel,
  StoreTransport,
  Transport,
} from './transport.js';
export { abilities } from './transport.js';
export { connectUnix, listenInherited, listenUnix, socketError, UnixListener } from './unix-socket.js';
export { Delivery, ReceiveOperation, SendOperation, type Tracker } from './waiters.js';
export { Operation, OperationList, Waiting } from './waiting.js';
