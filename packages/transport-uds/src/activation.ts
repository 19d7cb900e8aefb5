import { isMainThread } from 'node:worker_threads';
import { PigeonholeError } from '@pigeonhole/core/transport';
import type { Native } from './gate.js';

/** The first descriptor that a service manager passes (sd_listen_fds(3)). */
const FIRST = 3;
/** What FileDescriptorName= must say where several are passed. */
const NAME = 'pigeonhole';

/** The listening socket with which a service manager has started this process. */
interface Passed {
  readonly fd: number;
  readonly path: string;
  used: boolean;
}

export interface Activated {
  /** The caller's, to close. */
  readonly fd: number;
  readonly path: string;
  /** It is free for the next runtime of this process. */
  release(): void;
}

const passedKey = Symbol.for('@pigeonhole/transport-uds:passed');

/**
 * Takes the socket that LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES tell of (sd_listen_fds(3)): the only one, or that named 'pigeonhole'.
 * From the first time on neither the variables nor the socket are passed on to child processes. `ERR_CONFIG` when there is none for
 * this process, when it is no Unix stream socket that listens at a path, or when another runtime of this process has it.
 */
export function takeActivated(native: Native, env: NodeJS.ProcessEnv = process.env): Activated {
  if (!isMainThread) throw refuse('a worker thread has none; take it in the main thread');
  const holder = globalThis as { [passedKey]?: Passed };
  holder[passedKey] ??= findPassed(native, env);
  const passed = holder[passedKey];
  if (passed.used) throw refuse(`another runtime of this process listens on ${passed.path}`);
  // The manager's descriptor stays: a runtime that is made later can have it again.
  const fd = native.duplicateDescriptor(passed.fd);
  passed.used = true;
  return {
    fd,
    path: passed.path,
    release: () => {
      passed.used = false;
    },
  };
}

function findPassed(native: Native, env: NodeJS.ProcessEnv): Passed {
  const { LISTEN_PID: pid, LISTEN_FDS: count = '', LISTEN_FDNAMES: names = '' } = env;
  if (pid === undefined) throw refuse('LISTEN_PID is not set: no service manager has passed one');
  if (pid !== `${process.pid}`)
    throw refuse(`LISTEN_PID is ${pid.slice(0, 20)} and this is process ${process.pid}: it is another's`);
  const fd = choose(count, names);
  for (const key of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[key];
  const { listens, path } = adopt(native, fd);
  if (listens && path !== '') return { fd, path, used: false };
  const is = listens ? 'is bound to no path' : 'is no Unix stream socket that listens';
  throw refuse(`descriptor ${fd} ${is}; its unit must have ListenStream= with a path`);
}

function adopt(native: Native, fd: number): { listens: boolean; path: string } {
  try {
    return native.adoptSocket(fd);
  } catch (error) {
    throw refuse(`descriptor ${fd}: ${(error as Error).message}`, error);
  }
}

function choose(count: string, names: string): number {
  const passed = /^[0-9]{1,4}$/.test(count) ? Number(count) : 0;
  if (passed === 0) throw refuse(`LISTEN_FDS is '${count.slice(0, 20)}': none has been passed`);
  if (passed === 1) return FIRST;
  const at = names.split(':').indexOf(NAME);
  if (at >= 0 && at < passed) return FIRST + at;
  throw refuse(
    `${passed} have been passed, and none is named '${NAME}' (LISTEN_FDNAMES is '${names.slice(0, 200)}'); set FileDescriptorName=${NAME} in its unit`,
  );
}

function refuse(why: string, cause?: unknown): PigeonholeError {
  return new PigeonholeError(
    'ERR_CONFIG',
    `option descriptors of transport 'uds' is 'systemd', and there is no socket to take: ${why}`,
    { transport: 'uds', cause },
  );
}
