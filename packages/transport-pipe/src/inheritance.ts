import { fstatSync } from 'node:fs';

/** Tells a child which descriptors its pipes are: `read,write,inode,inode,address`. */
const variable = 'PIGEONHOLE_PIPE';

export interface Inheritance {
  readonly read: number;
  readonly write: number;
  readonly address: string;
}

export function inheritanceVariable(
  inheritance: Inheritance,
  inodes: readonly [bigint, bigint],
): Record<string, string> {
  const { read, write, address } = inheritance;
  return { [variable]: [read, write, ...inodes, address].join() };
}

/**
 * What `spawnProcess` gave this process; null for one that was started otherwise. A process that merely inherited the variable from
 * such a one has other pipes, or none, under these numbers: it is told by their inodes.
 */
export function takeInheritance(): Inheritance | null {
  const value = process.env[variable];
  if (value === undefined) return null;
  delete process.env[variable];
  const match = /^(\d+),(\d+),(\d+),(\d+),([0-9a-f]{16}(?:\/\d+)+)$/.exec(value);
  if (match === null) return null;
  const [, read, write, readInode, writeInode, address] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (!isPipe(Number(read), BigInt(readInode)) || !isPipe(Number(write), BigInt(writeInode))) return null;
  return { read: Number(read), write: Number(write), address };
}

function isPipe(fd: number, inode: bigint): boolean {
  try {
    const { ino } = fstatSync(fd, { bigint: true });
    return ino === inode;
  } catch {
    return false;
  }
}
