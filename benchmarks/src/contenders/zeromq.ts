/** zeromq.js over `ipc://` and over `tcp://` on the loopback interface. */

import { zeromqCases } from '../peers/zeromq.js';

export const cases = [
  ...zeromqCases('ipc'),
  ...zeromqCases('tcp').map((testCase) => ({ ...testCase, detail: true as const })),
];
