import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, fstatSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { PigeonholeError, show } from '@pigeonhole/core/transport';
import { makePipe } from '@pigeonhole/native';
import { hub } from './hub.js';
import { inheritanceVariable } from './inheritance.js';

/** Of each pipe, in bytes: a link may have so much under way. With 65,536, what a pipe has by itself, long bodies went by turns. */
const CAPACITY = 256 * 1024;

export interface SpawnProcessOptions extends SpawnOptions {
  /** Arguments of the script. */
  args?: readonly string[];
  /** Options of Node.js, before the script. Default: this process's own. */
  execArgv?: readonly string[];
  /** The Node.js that runs it. Default: this one. */
  execPath?: string;
}

/**
 * Starts `script` in a process of its own, joined to this one by two pipes (pipe2(2)), over which runtimes with `transport: 'pipe'` reach
 * this process, each other's processes and those that they start in their turn. Everything else is as with `spawn`:
 * `stdio` defaults to this process's own, and may have more entries; the pipes come after them.
 *
 * The kernel closes the pipes when either side dies, so each learns of it at once. A child is not ended with its parent.
 * Throws `ERR_NATIVE_UNAVAILABLE` without the addon, `ERR_OS_LIMIT` without descriptors, `ERR_UNSUPPORTED` in a worker thread.
 */
export function spawnProcess(script: string | URL, options: SpawnProcessOptions = {}): ChildProcess {
  const { args = [], execArgv = process.execArgv, execPath = process.execPath, ...rest } = options;
  if (!isMainThread)
    throw new PigeonholeError('ERR_UNSUPPORTED', 'spawnProcess works in the main thread only', {
      transport: 'pipe',
    });
  const path = script instanceof URL ? fileURLToPath(script) : script;
  if (typeof path !== 'string' || path === '')
    throw new PigeonholeError(
      'ERR_CONFIG',
      `spawnProcess: script is ${show(script)}; it must be the path or file: URL of a module`,
    );
  const own = hub();
  const down = makePipe(CAPACITY);
  let up: ReturnType<typeof makePipe>;
  try {
    up = makePipe(CAPACITY);
  } catch (error) {
    for (const fd of [down.read, down.write]) closeSync(fd);
    throw error;
  }
  const stdio = entries(rest.stdio);
  const address = own.childAddress();
  const inheritance = { read: stdio.length, write: stdio.length + 1, address };
  const inodes = [inode(down.read), inode(up.write)] as const;
  try {
    const child = spawn(execPath, [...execArgv, path, ...args], {
      ...rest,
      stdio: [...stdio, down.read, up.write],
      env: { ...(rest.env ?? process.env), ...inheritanceVariable(inheritance, inodes) },
    });
    own.adopt(up.read, down.write, address);
    return child;
  } catch (error) {
    for (const fd of [up.read, down.write]) closeSync(fd);
    throw error;
  } finally {
    // The child's ends, which it has by now: only while nobody else holds them is its death the end of the pipes.
    for (const fd of [down.read, up.write]) closeSync(fd);
  }
}

type Entries = Exclude<NonNullable<SpawnOptions['stdio']>, string>;

function entries(stdio: SpawnOptions['stdio'] = 'inherit'): Entries {
  return typeof stdio === 'string' ? [stdio, stdio, stdio] : [...stdio];
}

function inode(fd: number): bigint {
  return fstatSync(fd, { bigint: true }).ino;
}
