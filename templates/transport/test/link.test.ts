import { linkConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import sampleTransport from '../src/index.js';

linkConformance({ runner: { describe, test }, name: 'sample', transport: sampleTransport() });
