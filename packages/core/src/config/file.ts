/** The configuration file: where it is found, how it is read. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { hasSystemCode, PigeonholeError } from '../errors.js';
import { ownUid } from './directory.js';
import { defaultExport, importModule } from './module.js';

const extensions = ['json', 'js', 'mjs', 'ts'];

/**
 * The file that `config` names, or the one that lies nearest above `cwd`; null when there is none or `config` is false.
 * Rejects with `ERR_CONFIG` when one directory holds two.
 *
 * A configuration file may be code. So in a directory that everybody may write, such as `/tmp`, the search takes only
 * files of this user or root: nobody else can plant one above a working directory there.
 */
export async function findConfigFile(
  config: string | false | undefined,
  cwd: string,
): Promise<string | null> {
  if (config === false) return null;
  if (config !== undefined) return checkExtension(resolve(cwd, config));
  for (let directory = resolve(cwd); ; directory = dirname(directory)) {
    const found = await configFilesIn(directory);
    if (found.length > 1)
      throw new PigeonholeError(
        'ERR_CONFIG',
        `there are two configuration files, ${found.join(' and ')}; keep one, or name one with the option 'config'`,
        { address: directory },
      );
    if (found[0] !== undefined) return found[0];
    if (directory === dirname(directory)) return null;
  }
}

function checkExtension(file: string): string {
  if (extensions.includes(extname(file).slice(1))) return file;
  throw new PigeonholeError(
    'ERR_CONFIG',
    `configuration file ${file} has the extension '${extname(file)}'; allowed: ${extensions.map((e) => `.${e}`).join(', ')}`,
    { address: file },
  );
}

async function configFilesIn(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const extension of extensions) {
    const file = join(directory, `pigeonhole.config.${extension}`);
    const stats = await stat(file).catch((error: unknown) => {
      if (hasSystemCode(error, 'ENOENT', 'ENOTDIR')) return null;
      throw unreadable(file, error);
    });
    if (stats?.isFile() && (await isTrusted(directory, stats.uid))) found.push(file);
  }
  return found;
}

async function isTrusted(directory: string, owner: number): Promise<boolean> {
  if (owner === ownUid() || owner === 0) return true;
  return ((await stat(directory)).mode & 0o002) === 0;
}

/** What the file says, not yet checked. Rejects with `ERR_CONFIG`, naming the file and keeping the cause. */
export async function loadConfigFile(file: string): Promise<unknown> {
  if (extname(file) === '.json') return parseJsonFile(file, await readFile(file, 'utf8').catch(fail(file)));
  await stat(file).catch(fail(file));
  const exported = defaultExport(await importModule(file).catch(fail(file)));
  if (exported === undefined)
    throw new PigeonholeError(
      'ERR_CONFIG',
      `configuration file ${file} has no default export; allowed: an object of options, or a function that returns one`,
      { address: file },
    );
  if (typeof exported !== 'function') return exported;
  try {
    return await (exported as () => unknown)();
  } catch (error) {
    throw unreadable(file, error);
  }
}

function parseJsonFile(file: string, json: string): unknown {
  try {
    return JSON.parse(json.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw unreadable(file, error);
  }
}

function fail(file: string): (error: unknown) => never {
  return (error) => {
    throw unreadable(file, error);
  };
}

function unreadable(file: string, cause: unknown): PigeonholeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PigeonholeError('ERR_CONFIG', `cannot load configuration file ${file}: ${reason}`, {
    cause,
    address: file,
  });
}
