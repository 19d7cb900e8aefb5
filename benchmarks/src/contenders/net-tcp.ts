/** The same as `net-msgpack.ts` over a TCP connection on the loopback interface, with TCP_NODELAY. */

import { tcpSocket } from '../raw-socket.js';
import { netCases } from './net-msgpack.js';

export const cases = netCases(tcpSocket, 'net TCP');
