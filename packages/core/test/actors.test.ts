import { actorConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';

actorConformance({ runner: { describe, test }, name: 'memory', transport: 'memory', where: ['process'] });
