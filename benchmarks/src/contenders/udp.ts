/** Pigeonhole over UDP on the loopback interface. */

import { pigeonholeCases } from '../pigeonhole.js';

export const cases = pigeonholeCases('udp');
