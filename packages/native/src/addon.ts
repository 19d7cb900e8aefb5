/** What the binary exports: the signatures stand above each object in its header. Errors are `KernelFailure`s. */
export interface Addon {
  mapRegion(fd: number, offset: number, length: number): ArrayBuffer;
  futexWait(view: Int32Array, index: number, expected: number, milliseconds: number): 0 | 1 | 2;
  futexWake(view: Int32Array, index: number, count: number): number;
  peerCredentials(fd: number): Credentials;
  makePipe(): [read: number, write: number];
  makeFifo(path: string): void;
  readonly FifoReader: new (
    path: string,
    scratch: Uint8Array,
    onBytes: (countOrNegativeErrno: number) => void,
    capacity: number,
  ) => AddonFifoReader;
  readonly FifoWriter: new (path: string, onEvent: (oneOrNegativeErrno: number) => void) => AddonFifoWriter;
  readonly FileLock: new (path: string, create: boolean) => AddonFileLock;
  readonly ProcessWatch: new (pid: number, onEnd: () => void) => AddonProcessWatch;
}

/** Of the process that made the other end of a Unix socket, when it did. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface AddonFifoReader {
  ref(): void;
  unref(): void;
  pause(): void;
  resume(): void;
  read(): number;
  close(): void;
}

export interface AddonFifoWriter {
  write(header: Uint8Array, body: Uint8Array, start: number, end: number): number;
  awaitRoom(): void;
  watch(): void;
  close(): void;
}

export interface AddonFileLock {
  tryLock(start: number, length: number, shared: boolean): boolean;
  probe(start: number, length: number): boolean;
  unlock(start: number, length: number): void;
  close(): void;
}

export interface AddonProcessWatch {
  close(): void;
}

/** A system call that failed: `errno` as the kernel counts it, positive. */
export interface KernelFailure extends Error {
  readonly errno: number;
  readonly syscall: string;
}
