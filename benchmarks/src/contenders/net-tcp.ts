/** A plain `net` connection over TCP on the loopback interface, with TCP_NODELAY. */

import { netCases } from '../peers/net.js';
import { tcpSocket } from '../peers/raw-socket.js';

export const cases = netCases(tcpSocket, 'net TCP')
  .filter(({ kind }) => kind !== 'open-loop')
  .map((testCase) => ({ ...testCase, detail: true as const }));
