import { copyFile, mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasSystemCode, PigeonholeError } from '../errors.js';
import { isIncarnation, pathError } from '../naming.js';

/** After losing to a claimant that may itself just be withdrawing: the longest pause before looking again (milliseconds). */
const PAUSE = 20;
const TRIES = 200;

/** Another claimant. */
export interface Rival {
  readonly incarnation: string;
  /** It owns what is claimed; else its flag is up, and it may still lower it. */
  readonly owns: boolean;
}

/**
 * Ownership of a name by files that say nothing but whose they are. A claim is a file named by its owner's incarnation, in a
 * directory named by what is claimed; an owner is alive while its presence socket answers.
 *
 * Claiming is: raise your flag (create the file), then look whether any other live flag is up; if so, lower yours. Of two
 * claimants, the one that looked last raised its flag before it looked, so at least one of them sees the other: never do both
 * own (the argument of Dekker's and Lamport's flags). Both may withdraw; then chance decides who comes back first.
 * No file is ever removed whose name could belong to somebody else: there is no race of unlinking a successor.
 */
export class Claims {
  private over = false;
  /** Where this process's own flag is up. */
  private readonly up = new Set<string>();

  constructor(
    private readonly self: string,
    /** Whether the process of this incarnation lives. If not, all that it left is removed. */
    private readonly isAlive: (incarnation: string) => Promise<boolean>,
  ) {}

  /**
   * Null: owned by this process from now on. Otherwise the incarnation of the live owner. `elsewhere` tells who else claims it, of
   * those that do not share the directory; it is asked while the flag is up, and they are told of it (`isUp`).
   */
  async claim(
    directory: string,
    content = '',
    elsewhere: () => Promise<Rival | null> = async () => null,
  ): Promise<string | null> {
    let rival: string | null = null;
    for (let tries = 0; tries < TRIES && !this.over; tries++) {
      const owner = await this.owner(directory);
      if (owner !== null && owner === rival) return owner;
      rival = owner;
      if (owner === null) {
        const met = await this.contend(directory, content, elsewhere);
        if (met === null) return null;
        if (met.owns) return met.incarnation;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE));
    }
    if (this.over) throw new PigeonholeError('ERR_CLOSED', 'the runtime is closed', { address: directory });
    throw new PigeonholeError(
      'ERR_TRANSPORT',
      `could not settle the ownership of ${directory} in ${TRIES} tries`,
      { address: directory },
    );
  }

  /** Whether this process owns it, or is about to see whether it may. */
  isUp(directory: string): boolean {
    return this.up.has(directory);
  }

  /** Ends the claims under way, with or without success, and refuses more. */
  stop(): void {
    this.over = true;
  }

  /** The live owner other than this process, or null. */
  async owner(directory: string): Promise<string | null> {
    for (const incarnation of await listing(directory))
      if (isIncarnation(incarnation) && incarnation !== this.self) {
        if (await this.isAlive(incarnation)) return incarnation;
        await rm(join(directory, incarnation), { force: true });
      }
    return null;
  }

  async release(directory: string): Promise<void> {
    await this.lower(directory, this.self);
  }

  /**
   * Hands an ownership on: `heir`, who lives, owns it as soon as it claims, and nobody else can before. Both flags are up for a moment,
   * so that there is none in which both are down.
   */
  async bequeath(directory: string, heir: string): Promise<void> {
    try {
      await copyFile(join(directory, this.self), join(directory, heir));
    } catch (error) {
      throw pathError(error, 'claim', join(directory, heir));
    }
    await this.release(directory);
  }

  /** Takes down a flag: this process's own, or one raised for an heir who never claimed. */
  async lower(directory: string, incarnation: string): Promise<void> {
    if (incarnation === this.self) this.up.delete(directory);
    await rm(join(directory, incarnation), { force: true });
    await removeEmpty(directory);
  }

  /** Null: no other flag is up. Raises this process's own, and lowers it again if one is: but never one that a former owner raised for its heir. */
  private async contend(
    directory: string,
    content: string,
    elsewhere: () => Promise<Rival | null>,
  ): Promise<Rival | null> {
    const raised = await this.raise(directory, content);
    this.up.add(directory);
    let alone = false;
    try {
      const here = await this.owner(directory);
      const met = here === null ? await elsewhere() : { incarnation: here, owns: false };
      alone = met === null;
      return met;
    } finally {
      if (!alone && raised) await this.lower(directory, this.self);
      else if (!alone) this.up.delete(directory);
    }
  }

  /** Puts up this process's flag. False when it is up already: the former owner raised it for this process. */
  async raise(directory: string, content = ''): Promise<boolean> {
    const own = join(directory, this.self);
    for (let tries = 1; ; tries++) {
      try {
        await makeDirectory(dirname(directory));
        await makeDirectory(directory);
        await writeFile(own, content, { flag: 'wx', mode: 0o600 });
        return true;
      } catch (error) {
        if (hasSystemCode(error, 'EEXIST')) return false;
        // Whoever released the name last has just removed the empty directory, or the one above (mkdir then says ENOTDIR).
        if (tries === TRIES || !hasSystemCode(error, 'ENOENT', 'ENOTDIR'))
          throw pathError(error, 'claim', own);
      }
    }
  }
}

/** Not `recursive`, which in fs/promises says ENOENT for a file system that is full (ENOSPC). */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!hasSystemCode(error, 'EEXIST')) throw error;
  }
}

/** The names in a directory; none if there is no such directory. */
export async function listing(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return [];
    throw pathError(error, 'list', directory);
  }
}

/** Removes a directory and then its parent, if empty. */
export async function removeEmpty(directory: string, levels = 2): Promise<void> {
  try {
    for (let at = directory; levels > 0; at = dirname(at), levels--) await rmdir(at);
  } catch (error) {
    if (!hasSystemCode(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw pathError(error, 'remove', directory);
  }
}
