/** Pigeonhole over TCP on the loopback interface. */

import { pigeonholeCases } from '../pigeonhole.js';

export const cases = pigeonholeCases('tcp');
