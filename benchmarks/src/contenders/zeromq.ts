/** zeromq.js over `ipc://` and over `tcp://` on the loopback interface. */

import { withCrowd } from '../crowded.js';
import { zeromqCases } from '../peers/zeromq.js';

export const cases = [
  ...withCrowd(zeromqCases('ipc'), 'zeromq.js ipc req/rep, JSON'),
  ...zeromqCases('tcp').map((testCase) => ({ ...testCase, detail: true as const })),
];
