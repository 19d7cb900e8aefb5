/** Actors over Unix domain sockets. */

import { actorCases } from '../ours/actors.js';

export const cases = actorCases('uds');
