/** Pigeonhole over POSIX message queues, where that package is built. */

import { createRequire } from 'node:module';
import type { Case } from '../contender.js';
import { linkCases } from '../ours/link.js';

const PACKAGE = '@pigeonhole/transport-mqueue';

function missing(): string | undefined {
  try {
    createRequire(import.meta.url).resolve(PACKAGE);
    return undefined;
  } catch {
    return `${PACKAGE} is not built in this checkout`;
  }
}

export const absent = missing();

export const cases: readonly Case[] = linkCases({ label: 'mqueue', transport: 'mqueue' });
