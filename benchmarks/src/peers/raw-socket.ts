/** Plain `net` sockets for the peers that we compare with: opening, closing, framing and waiting for room. */

import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Close } from '../contender.js';

/** Cuts a byte stream into frames. Gets each chunk in order. */
export type Splitter = (chunk: Buffer) => void;

const LENGTH_BYTES = 4;

/** One kind of socket, reached by a path: its own, or that of a file with its port. */
export interface SocketKind {
  /** Listens, and gives each accepted socket to `accept`. The returned function ends the sockets and the server. */
  listen(path: string, accept: (socket: Socket) => void): Promise<Close>;
  /** Connects; resolves when connected. */
  dial(path: string): Promise<Socket>;
}

export const unixSocket: SocketKind = {
  listen: (path, accept) => serve(accept, (server) => void server.listen(path)),
  dial: (path) => connected(connect(path)),
};

export const tcpSocket: SocketKind = {
  async listen(path, accept) {
    let port = 0;
    const close = await serve(accept, (server) => {
      server.listen(0, '127.0.0.1', () => {
        port = (server.address() as AddressInfo).port;
      });
    });
    await writeFile(path, String(port));
    return close;
  },
  dial: async (path) => connected(connect({ port: Number(await readFile(path, 'utf8')), noDelay: true })),
};

async function serve(accept: (socket: Socket) => void, start: (server: Server) => void): Promise<Close> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    accept(socket);
  });
  start(server);
  await once(server, 'listening');
  return async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
}

async function connected(socket: Socket): Promise<Socket> {
  await once(socket, 'connect');
  return socket;
}

/** Writes, and resolves when the socket takes more. `undefined` when it does already: nothing to await. */
export function writeOrWait(socket: Socket, bytes: Buffer | string): Promise<unknown> | undefined {
  return socket.write(bytes) ? undefined : once(socket, 'drain');
}

/** Newline-terminated text; the chunk boundary may fall anywhere. */
export function lineSplitter(onLine: (line: string) => void): Splitter {
  const decoder = new TextDecoder();
  let rest = '';
  return (chunk) => {
    const text = rest + decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      onLine(text.slice(start, end));
      start = end + 1;
    }
    rest = text.slice(start);
  };
}

/** Frames of a 32-bit little-endian length and that many bytes. The range given out is valid during the call only. */
export function frameSplitter(onFrame: (bytes: Buffer, start: number, end: number) => void): Splitter {
  const parts: Buffer[] = [];
  let held = 0;
  let needed = LENGTH_BYTES;
  return (chunk) => {
    parts.push(chunk);
    held += chunk.length;
    if (held < needed) return;
    const bytes = parts.length === 1 ? chunk : Buffer.concat(parts, held);
    let start = 0;
    needed = LENGTH_BYTES;
    while (start + LENGTH_BYTES <= bytes.length) {
      const length = bytes.readUInt32LE(start);
      const end = start + LENGTH_BYTES + length;
      if (end > bytes.length) {
        needed = LENGTH_BYTES + length;
        break;
      }
      onFrame(bytes, start + LENGTH_BYTES, end);
      start = end;
    }
    held = bytes.length - start;
    parts.length = 0;
    if (held > 0) parts.push(bytes.subarray(start));
  };
}

/** One payload as a frame of its own. */
export function frame(payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  payload.copy(bytes, LENGTH_BYTES);
  return bytes;
}

/** Above this, a copy costs more than a second piece in the same call. */
const COPIED_BYTES = 4_096;

/** Writes one payload as a frame in one call, without a copy where it is long. As `writeOrWait`. */
export function writeFrame(socket: Socket, payload: Buffer): Promise<unknown> | undefined {
  if (payload.length <= COPIED_BYTES) return writeOrWait(socket, frame(payload));
  const header = Buffer.allocUnsafe(LENGTH_BYTES);
  header.writeUInt32LE(payload.length, 0);
  socket.cork();
  socket.write(header);
  const waiting = writeOrWait(socket, payload);
  socket.uncork();
  return waiting;
}

/** Fills one buffer with frames, to be written in one call. */
export class FrameBatch {
  private bytes: Buffer;
  private used = 0;

  /** @param size bytes a batch holds; a frame must fit */
  constructor(private readonly size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Adds a frame; `false` when it does not fit any more. */
  add(payload: Buffer): boolean {
    const end = this.used + LENGTH_BYTES + payload.length;
    if (end > this.size) return false;
    this.bytes.writeUInt32LE(payload.length, this.used);
    payload.copy(this.bytes, this.used + LENGTH_BYTES);
    this.used = end;
    return true;
  }

  /** The frames so far, handed over for good; the next batch has a buffer of its own. */
  take(): Buffer {
    const full = this.bytes.subarray(0, this.used);
    this.bytes = Buffer.allocUnsafeSlow(this.size);
    this.used = 0;
    return full;
  }
}
