import { linkConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import tcp from '../src/index.js';

linkConformance({ runner: { describe, test }, name: 'tcp', transport: tcp() });
