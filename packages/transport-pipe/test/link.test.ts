import { linkConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import pipe from '../dist/index.js';

linkConformance({ runner: { describe, test }, name: 'pipe', transport: pipe() });
