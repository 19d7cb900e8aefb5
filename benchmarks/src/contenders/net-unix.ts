/** A plain `net` connection over a Unix socket. */

import { withCrowd } from '../crowded.js';
import { netCases } from '../peers/net.js';
import { unixSocket } from '../peers/raw-socket.js';

export const cases = withCrowd(netCases(unixSocket, 'net Unix'), 'net Unix, 64 B');
