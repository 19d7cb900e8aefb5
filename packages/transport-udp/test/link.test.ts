import { linkConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import udp from '../src/index.js';

linkConformance({ runner: { describe, test }, name: 'udp', transport: udp() });
