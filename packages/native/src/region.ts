import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { PigeonholeError } from '@pigeonhole/core/transport';
import { attempt } from './kernel-error.js';
import { native } from './load.js';

export interface RegionOptions {
  /** Bytes to map; positive. */
  length: number;
  /** Where in the file, in bytes; a multiple of the page size (4096, on some machines 65536). Default 0. */
  offset?: number;
  /** Whether the file may be made (mode 0600) or grown. Default false: a shorter file is `ERR_CORRUPT`. */
  create?: boolean;
}

/**
 * Maps a part of a file into memory that all who map it share. `file` is a path, or a descriptor that stays the caller's and may
 * be closed afterwards.
 *
 * Every page is given memory or disk first, so a store never is a SIGBUS; `ERR_NO_SPACE` when there is none. That holds
 * while nobody makes the file shorter. The mapping goes when the last view of the buffer is collected, or the thread ends. The
 * buffer cannot be passed to another thread: each maps for itself.
 */
export function mapRegion(file: string | number, options: RegionOptions): ArrayBuffer {
  const { length, offset = 0, create = false } = options;
  for (const [name, value, least] of [
    ['length', length, 1],
    ['offset', offset, 0],
  ] as const)
    if (!Number.isSafeInteger(value) || value < least)
      throw new PigeonholeError(
        'ERR_CONFIG',
        `${name} is ${value}; it must be a whole number, at least ${least}`,
      );
  const addon = native();
  if (typeof file === 'number') return map(file, `descriptor ${file}`);
  const fd = attempt(`open ${file}`, file, () =>
    openSync(file, constants.O_RDWR | constants.O_NOFOLLOW | (create ? constants.O_CREAT : 0), 0o600),
  );
  try {
    return map(fd, file);
  } finally {
    closeSync(fd);
  }

  function map(descriptor: number, address: string): ArrayBuffer {
    const { size } = fstatSync(descriptor);
    if (!create && size < offset + length)
      throw new PigeonholeError(
        'ERR_CORRUPT',
        `cannot map ${length} bytes from ${offset} of ${address}: it has ${size}`,
        { address },
      );
    return attempt(`map ${length} bytes from ${offset} of ${address}`, address, () =>
      addon.mapRegion(descriptor, offset, length),
    );
  }
}
