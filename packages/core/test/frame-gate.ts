import type { Link, LinkHandler, LinkTransport, Port, PortContext } from '@pigeonhole/core/transport';
import uds from '@pigeonhole/transport-uds';

/**
 * Links over Unix sockets on which the frames that come in can be held: a test decides after which frame the process at this
 * end hears nothing for a while, and what then comes in one piece.
 */
export class FrameGate {
  readonly transport: LinkTransport;
  private allowed = Infinity;
  private readonly doors = new Set<() => void>();
  private waiting = 0;

  constructor() {
    const inner = uds();
    this.transport = {
      ...inner,
      open: async (context: PortContext): Promise<Port> => {
        const port = await inner.open({
          ...context,
          accept: (link: Link) => this.guard(context.accept(link)),
        });
        return {
          address: port.address,
          connect: (address, handler) => port.connect(address, this.guard(handler)),
          close: () => port.close(),
        };
      },
    };
  }

  /** Bytes that have come and are held. */
  get held(): number {
    return this.waiting;
  }

  /** Lets this many more frames in, as one piece where they are there already. */
  allow(frames: number): void {
    this.allowed = frames;
    for (const open of this.doors) open();
  }

  private guard(handler: LinkHandler): LinkHandler {
    let bytes = Buffer.alloc(0);
    const pass = (): void => {
      let end = 0;
      while (this.allowed > 0 && bytes.length >= end + 4) {
        const next = end + 4 + bytes.readUInt32LE(end);
        if (bytes.length < next) break;
        end = next;
        this.allowed--;
      }
      const piece = bytes.subarray(0, end);
      bytes = bytes.subarray(end);
      this.waiting -= end;
      if (end > 0) handler.data(piece, true);
    };
    this.doors.add(pass);
    return {
      data: (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        this.waiting += chunk.length;
        pass();
      },
      drain: () => handler.drain(),
      end: (error) => {
        this.doors.delete(pass);
        this.waiting -= bytes.length;
        handler.end(error);
      },
    };
  }
}
