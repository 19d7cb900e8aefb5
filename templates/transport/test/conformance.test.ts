import { conformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import sampleTransport from '../src/index.js';

// A transport that reaches further names its package instead, because an object stays in its process, and tests there too:
// transport: '@pigeonhole/transport-sample', where: ['process', 'threads', 'processes'].
conformance({ runner: { describe, test }, name: 'sample', transport: sampleTransport(), where: ['process'] });
