import type { ConformanceRule } from '../rule.js';
import { bodies } from './bodies.js';
import { buffering } from './buffering.js';
import { cancelling } from './cancelling.js';
import { capacity } from './capacity.js';
import { deaths } from './deaths.js';
import { ending } from './ending.js';
import { handover } from './handover.js';
import { hostile } from './hostile.js';
import { lending } from './lending.js';
import { naming } from './naming.js';
import { ordering } from './ordering.js';
import { overlapping } from './overlapping.js';
import { payload } from './payload.js';
import { peers } from './peers.js';
import { priority } from './priority.js';
import { receiving } from './receiving.js';
import { sending } from './sending.js';
import { stopped } from './stopped.js';
import { takeover } from './takeover.js';
import { withdrawing } from './withdrawing.js';

const files = [
  naming,
  sending,
  overlapping,
  cancelling,
  withdrawing,
  ordering,
  receiving,
  priority,
  buffering,
  capacity,
  payload,
  lending,
  ending,
  handover,
  deaths,
  takeover,
  stopped,
  peers,
  hostile,
  bodies,
];

/** Every test of every rule, in the order of the rules. */
export const rules: readonly ConformanceRule[] = files
  .flat()
  .sort((a, b) => Number(a.rule.slice(1)) - Number(b.rule.slice(1)));
