/**
 * The kernel objects that Node.js does not reach, for the transports that need them. Every call throws `ERR_NATIVE_UNAVAILABLE` where
 * the binary for this machine is missing, and `PigeonholeError`s with the kernel's `errno` where a system call fails.
 */
export type { Credentials, ShmBuffers, ShmFault, ShmMailbox, ShmMembers } from './addon.js';
export { peerCredentials } from './credentials.js';
export { Bell, openDoorbell } from './doorbell.js';
export {
  FifoReader,
  type FifoReaderOptions,
  FifoWriter,
  type FifoWriterEvents,
  makeFifo,
  PIPE_BUF,
} from './fifo.js';
export { FileLock, type FileLockOptions } from './file-lock.js';
export { FUTEX_SLICE, type FutexResult, futexWait, futexWake } from './futex.js';
export { adoptSocket, duplicateDescriptor, type InheritedSocket } from './inherited-socket.js';
export { attempt, kernelError } from './kernel-error.js';
export { native, nativeProblem, targetName } from './load.js';
export { makePipe, type PipeEnds } from './pipe.js';
export { PosixQueue, type PosixQueueOptions, type QueueAttributes } from './posix-queue.js';
export { type ProcessWatch, watchProcess } from './process-watch.js';
export { mapRegion, type RegionOptions } from './region.js';
export { SYSV_TEXT, SysvQueue, type SysvQueueEvents, type SysvStatus } from './sysv-queue.js';
export { type UdpPlace, UdpSocket, type UdpSocketOptions } from './udp-socket.js';
export {
  DatagramReceiver,
  type DatagramReceiverOptions,
  DatagramSender,
  type DatagramSenderOptions,
} from './unix-datagram.js';
