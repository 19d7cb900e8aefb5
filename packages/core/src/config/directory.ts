/** The runtime directory in the file system: who may use it, and what its errors say. `naming.ts` says where it is. */
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type ErrorCode, hasSystemCode, PigeonholeError } from '../errors.js';

/**
 * Makes the runtime directory (0700, its parent must exist) or checks the one that is there. Resolves only for a real
 * directory (no symbolic link) that this uid owns and nobody else may write; else `ERR_INSECURE_DIR`.
 *
 * One that others may merely list or enter is tightened to 0700 while it is empty, and otherwise left as it is: somebody may
 * have named a directory of wider use (`/run`, a home), and taking its modes away would break what else is in there. Nothing
 * is lost, since the namespaces in it are made 0700 and every object 0600.
 */
export async function prepareDirectory(directory: string): Promise<void> {
  const path = resolve(directory); // without a trailing slash, which would make lstat follow a link
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!hasSystemCode(error, 'EEXIST')) throw pathError(error, 'create', path);
  }
  try {
    const stats = await lstat(path);
    refuseInsecure(path, stats);
    if ((stats.mode & 0o077) !== 0 && (await readdir(path)).length === 0) await tighten(path);
  } catch (error) {
    throw error instanceof PigeonholeError ? error : pathError(error, 'inspect', path);
  }
}

function refuseInsecure(path: string, stats: Stats): void {
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
  let reason = '';
  if (stats.isSymbolicLink()) reason = 'it is a symbolic link';
  else if (!stats.isDirectory()) reason = 'it is not a directory';
  else if (stats.uid !== ownUid())
    reason = `uid ${stats.uid} owns it and this process runs as uid ${ownUid()}`;
  else if ((stats.mode & 0o022) !== 0)
    reason = `its mode is ${mode}, so others may write in it; at most 0755 is allowed`;
  if (reason === '') return;
  throw new PigeonholeError(
    'ERR_INSECURE_DIR',
    `runtime directory ${path} is refused: ${reason}; ${remedy}`,
    { address: path },
  );
}

const remedy = "set PIGEONHOLE_DIR or the option 'directory' to a directory that only this user may write";

async function tighten(path: string): Promise<void> {
  // Through a descriptor, so that a link put in its place since lstat is not followed.
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  await handle.chmod(0o700).finally(() => handle.close());
}

/** The uid that this process creates files as. */
export function ownUid(): number {
  return process.geteuid?.() ?? 0;
}

const systemCodes: Record<string, readonly [ErrorCode, string]> = {
  EACCES: ['ERR_PERMISSION', `this user may not; ${remedy}`],
  EPERM: ['ERR_PERMISSION', `this user may not; ${remedy}`],
  EROFS: ['ERR_PERMISSION', `its file system is read-only; ${remedy}`],
  ENOSPC: ['ERR_NO_SPACE', `its file system has no space or inodes left; free some, or ${remedy}`],
  EDQUOT: ['ERR_NO_SPACE', `this user's disk quota is used up; free some, or ${remedy}`],
  EMFILE: [
    'ERR_OS_LIMIT',
    'this process has no file descriptor left; close some or raise the limit (ulimit -n)',
  ],
  ENFILE: [
    'ERR_OS_LIMIT',
    'this host has no file descriptor left; close some or raise the sysctl fs.file-max',
  ],
  ENOENT: ['ERR_CONFIG', `the directory it would be in does not exist; create that, or ${remedy}`],
  ENOTDIR: ['ERR_CONFIG', `what it would be in is not a directory; ${remedy}`],
  ENAMETOOLONG: ['ERR_PATH_TOO_LONG', `it is longer than the file system allows; ${remedy}`],
};

/** A system error about `path` as a `PigeonholeError` that names the path, the reason and what to do; the original is its cause. */
export function pathError(error: unknown, doing: string, path: string): PigeonholeError {
  const { code = '', errno, message } = error as NodeJS.ErrnoException;
  const [errorCode, reason] = systemCodes[code] ?? ['ERR_CONFIG', `${message}; ${remedy}`];
  return new PigeonholeError(errorCode, `cannot ${doing} ${path}: ${reason}`, {
    cause: error,
    errno,
    address: path,
  });
}
