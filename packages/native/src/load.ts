import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { PigeonholeError, WITHOUT_NATIVE } from '@pigeonhole/core/transport';
import type { Addon } from './addon.js';

/**
 * `<platform>-<arch>`: the folder below prebuilds that has the binary for this Node.js. One for Linux serves every C library: see
 * scripts/libc-floor.mjs.
 */
export function targetName(): string {
  return `${process.platform}-${process.arch}`;
}

function unavailable(why: string, cause?: unknown): PigeonholeError {
  return new PigeonholeError(
    'ERR_NATIVE_UNAVAILABLE',
    `the native part of Pigeonhole is not available on ${targetName()}: ${why}; without it ${WITHOUT_NATIVE} work`,
    { cause },
  );
}

function loadAddon(): Addon {
  const path = fileURLToPath(new URL(`../prebuilds/${targetName()}/pigeonhole.node`, import.meta.url));
  if (process.env.PIGEONHOLE_NATIVE === 'off') throw unavailable('the environment has PIGEONHOLE_NATIVE=off');
  if (!existsSync(path))
    throw unavailable(
      `${path} does not exist; build it in a checkout with npm run build (needs g++, make, python3)`,
    );
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (error) {
    throw unavailable(`${path} cannot be loaded: ${(error as Error).message}`, error);
  }
}

// One answer for the life of this thread: a binary does not come or go.
let addon: Addon | undefined;

/** The addon, loaded at the first call. Throws `ERR_NATIVE_UNAVAILABLE`, naming what works without it. */
export function native(): Addon {
  addon ??= loadAddon();
  return addon;
}

/** Why `native()` throws here; `undefined` when it does not. */
export function nativeProblem(): PigeonholeError | undefined {
  try {
    native();
    return undefined;
  } catch (error) {
    return error as PigeonholeError;
  }
}
