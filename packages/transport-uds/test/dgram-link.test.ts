import { linkConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import uds from '../src/index.js';

linkConformance({ runner: { describe, test }, name: 'uds (dgram)', transport: uds({ socket: 'dgram' }) });
