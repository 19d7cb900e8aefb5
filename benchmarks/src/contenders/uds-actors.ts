/** Actors over Unix domain sockets. */

import { actorCases } from '../actors.js';

export const cases = actorCases('uds');
