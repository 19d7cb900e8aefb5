import { chmod, chown, lstat, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { namespacePaths, pathError, prepareDirectory, prepareNamespace } from '../src/naming.js';
import { errorOf, scratch } from './config-scratch.js';

const modeOf = async (path: string) => (await lstat(path)).mode & 0o7777;
const isRoot = process.geteuid?.() === 0;
const remedy = "set PIGEONHOLE_DIR or the option 'directory'";

async function directoryOf(mode: number, files: Record<string, string> = {}): Promise<string> {
  const path = await scratch(files);
  await chmod(path, mode);
  return path;
}

async function refused(path: string): Promise<string> {
  const error = await errorOf(() => prepareDirectory(path));
  expect(error.code).toBe('ERR_INSECURE_DIR');
  expect(error.address).toBe(path);
  expect(error.message).toContain(path);
  expect(error.message).toContain(remedy);
  return error.message;
}

describe('the runtime directory', () => {
  test('is made 0700 under whatever umask', async () => {
    const path = join(await scratch(), 'pigeonhole');
    const umask = process.umask(0);
    await prepareDirectory(path).finally(() => process.umask(umask));
    expect(await modeOf(path)).toBe(0o700);
    await prepareDirectory(path);
  });

  test('that others may list is tightened while it is empty', async () => {
    const path = await directoryOf(0o755);
    await prepareDirectory(path);
    expect(await modeOf(path)).toBe(0o700);
  });

  test('that others may list is left alone when something is in it', async () => {
    const path = await directoryOf(0o755, { other: '' });
    await prepareDirectory(path);
    expect(await modeOf(path)).toBe(0o755);
  });

  test.each([0o720, 0o702, 0o777, 0o1777])('that others may write is refused: %o', async (mode) => {
    const path = await directoryOf(mode);
    expect(await refused(path)).toContain(
      `its mode is ${mode.toString(8).padStart(4, '0')}, so others may write`,
    );
    expect(await modeOf(path)).toBe(mode);
  });

  test('that is a symbolic link is refused, also with a slash at the end', async () => {
    const directory = await scratch();
    await mkdir(join(directory, 'real'), { mode: 0o700 });
    const link = join(directory, 'link');
    await symlink('real', link);
    expect(await refused(link)).toContain('it is a symbolic link');
    expect((await errorOf(() => prepareDirectory(`${link}/`))).code).toBe('ERR_INSECURE_DIR');
    await symlink('nowhere', join(directory, 'dangling'));
    expect(await refused(join(directory, 'dangling'))).toContain('it is a symbolic link');
  });

  test('that is a file is refused', async () => {
    const path = join(await scratch({ file: '' }), 'file');
    expect(await refused(path)).toContain('it is not a directory');
  });

  test('that another uid owns is refused', async () => {
    const path = isRoot ? await scratch() : '/'; // root may give one away; anybody else finds root's
    if (isRoot) await chown(path, 65_534, 65_534);
    const owner = (await stat(path)).uid;
    expect(await refused(path)).toContain(
      `uid ${owner} owns it and this process runs as uid ${process.geteuid?.()}`,
    );
  });

  test('needs a parent', async () => {
    const path = join(await scratch(), 'missing', 'pigeonhole');
    const error = await errorOf(() => prepareDirectory(path));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toContain(`cannot create ${path}: the directory it would be in does not exist`);
    expect(error.message).toContain(remedy);
    expect(error.errno).toBeLessThan(0);
  });

  test('cannot be in a file', async () => {
    const path = join(await scratch({ file: '' }), 'file', 'pigeonhole');
    const error = await errorOf(() => prepareDirectory(path));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toContain('is not a directory');
  });

  test('that this user may not make is ERR_PERMISSION', async () => {
    const parent = await directoryOf(0o500);
    if (isRoot) {
      process.seteuid?.(65_534); // root may do everything, so be nobody for a moment
      onTestFinished(() => process.seteuid?.(0));
    }
    const path = join(parent, 'pigeonhole');
    const error = await errorOf(() => prepareDirectory(path));
    if (isRoot) process.seteuid?.(0);
    expect(error.code).toBe('ERR_PERMISSION');
    expect(error.message).toContain(`cannot create ${path}: this user may not`);
    expect(error.message).toContain(remedy);
  });

  test('with a part of more than 255 bytes is ERR_PATH_TOO_LONG', async () => {
    const path = join(await scratch(), 'p'.repeat(256));
    const error = await errorOf(() => prepareDirectory(path));
    expect(error.code).toBe('ERR_PATH_TOO_LONG');
    expect(error.message).toContain(remedy);
  });
});

test.each([
  ['ENOSPC', 'ERR_NO_SPACE', 'no space or inodes left'],
  ['EDQUOT', 'ERR_NO_SPACE', 'quota'],
  ['EMFILE', 'ERR_OS_LIMIT', 'ulimit -n'],
  ['ENFILE', 'ERR_OS_LIMIT', 'fs.file-max'],
  ['EROFS', 'ERR_PERMISSION', 'read-only'],
  ['EIO', 'ERR_CONFIG', 'told by the kernel'],
])('%s is %s, naming the path and what to do', (code, expected, hint) => {
  const cause = Object.assign(new Error('told by the kernel'), { code, errno: -1 });
  const error = pathError(cause, 'create', '/run/ph');
  expect(error).toMatchObject({ code: expected, errno: -1, address: '/run/ph', cause });
  expect(error.message).toContain('cannot create /run/ph: ');
  expect(error.message).toContain(hint);
});

describe('a namespace', () => {
  test('gets its folders, 0700, and keeps what is there', async () => {
    const directory = join(await scratch(), 'pigeonhole');
    const paths = await prepareNamespace(directory, 'shop');
    expect(paths.root).toBe(namespacePaths(directory, 'shop').root);
    for (const path of [directory, paths.root, paths.peers, paths.hosts])
      expect(await modeOf(path)).toBe(0o700);
    await writeFile(join(paths.peers, 'kept'), '');
    await prepareNamespace(directory, 'shop');
    expect(await readdir(paths.peers)).toEqual(['kept']);
  });

  test('may be prepared by many at once', async () => {
    const directory = join(await scratch(), 'pigeonhole');
    await Promise.all(Array.from({ length: 16 }, () => prepareNamespace(directory, 'shop')));
  });

  test('is refused when its folder is a link to elsewhere', async () => {
    const directory = await scratch({ 'elsewhere/file': '' });
    await symlink('elsewhere', join(directory, 'shop'));
    expect((await errorOf(() => prepareNamespace(directory, 'shop'))).code).toBe('ERR_INSECURE_DIR');
  });

  test('is made again while others remove it', async () => {
    const directory = await scratch();
    const { root } = namespacePaths(directory, 'shop');
    let preparing = true;
    const remover = (async () => {
      while (preparing) await rm(root, { recursive: true, force: true }).catch(() => {});
    })();
    for (let round = 0; round < 50; round++) await prepareNamespace(directory, 'shop');
    preparing = false;
    await remover;
  });
});
