/** A plain `net` connection over a Unix socket. */

import { netCases } from '../peers/net.js';
import { unixSocket } from '../peers/raw-socket.js';

export const cases = netCases(unixSocket, 'net Unix');
