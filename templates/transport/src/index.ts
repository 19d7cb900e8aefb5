import type { Port, PortContext } from '@pigeonhole/core/transport';
import { type Link, type LinkHandler, type LinkTransport, PigeonholeError } from '@pigeonhole/core/transport';

/** Bytes under way in one direction beyond which the writer is asked to wait. */
const HIGH_WATER = 256 * 1024;

/** Links between the runtimes of one thread: pairs of byte streams in its memory. It has no options. */
export default function sampleTransport(options: Record<string, never> = {}): LinkTransport {
  for (const key of Object.keys(options))
    throw new PigeonholeError('ERR_CONFIG', `transport 'sample' has no option '${key}'; it has none`);
  return {
    kind: 'link',
    name: 'sample',
    capabilities: { sync: false, crossThread: false, crossProcess: false, crossHost: false, durable: false },
    open: async (context) => new SamplePort(context),
  };
}

const hubKey = Symbol.for('@pigeonhole/transport-sample:hub');

/** The open ports of this thread by address: one map, even where both builds of this package are loaded. */
function hub(): Map<string, SamplePort> {
  const holder = globalThis as { [hubKey]?: Map<string, SamplePort> };
  holder[hubKey] ??= new Map();
  return holder[hubKey];
}

class SamplePort implements Port {
  readonly address: string;

  constructor(private readonly context: PortContext) {
    this.address = `${context.namespace}/${context.self.incarnation}`;
    hub().set(this.address, this);
  }

  async connect(address: string, handler: LinkHandler): Promise<Link> {
    const port = hub().get(address);
    if (port === undefined)
      throw new PigeonholeError('ERR_PEER_DOWN', `nothing listens on ${address}`, { address });
    const [near, far] = [new SampleLink(), new SampleLink()];
    [near.other, far.other] = [far, near];
    near.handler = handler;
    far.handler = port.context.accept(far);
    return near;
  }

  async close(): Promise<void> {
    hub().delete(this.address);
  }
}

/** One end. What is written waits for a later turn of the event loop: no handler is ever called from within `write`. */
class SampleLink implements Link {
  other!: SampleLink;
  handler!: LinkHandler;
  private state: 'open' | 'closed' | 'over' = 'open';
  private error: Error | undefined;
  private arriving: Uint8Array[] = [];
  private bytes = 0;
  private full = false;

  write(batch: Uint8Array): boolean {
    if (this.state !== 'open') return true;
    this.other.arriving.push(batch);
    this.other.bytes += batch.length;
    this.full = this.other.bytes > HIGH_WATER;
    setImmediate(() => this.other.report());
    return !this.full;
  }

  close(): void {
    if (this.state !== 'open') return;
    this.state = 'closed';
    setImmediate(() => this.other.report());
  }

  destroy(error?: Error): void {
    this.error ??= error;
    this.arriving = [];
    this.other.arriving = [];
    this.close();
    this.other.close();
  }

  /** Tells the handler what has come. Once the other end is closed, that was all: this end is then over too. */
  private report(): void {
    if (this.state === 'over') return;
    for (let chunk = this.arriving.shift(); chunk !== undefined; chunk = this.arriving.shift())
      this.handler.data(chunk, true);
    this.bytes = 0;
    const { full, state } = this.other;
    this.other.full = false;
    if (full && state === 'open') this.other.handler.drain();
    if (state === 'open') return;
    this.close();
    this.state = 'over';
    this.handler.end(this.error);
  }
}
