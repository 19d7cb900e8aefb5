/** Pigeonhole over Unix domain sockets. */

import { pigeonholeCases } from '../pigeonhole.js';

export const cases = pigeonholeCases('uds');
