import { linkConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import mqueue from '../src/index.js';

for (const api of ['posix', 'sysv'] as const)
  linkConformance({ runner: { describe, test }, name: `mqueue (${api})`, transport: mqueue({ api }) });
