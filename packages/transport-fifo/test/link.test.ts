import { linkConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import fifo from '../dist/index.js';

linkConformance({ runner: { describe, test }, name: 'fifo', transport: fifo() });
