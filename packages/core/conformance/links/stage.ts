/** What one test of a link gets: two ports of the transport, and links between them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Link, LinkHandler, LinkTransport, Port } from '../../src/transport.js';
import { Watchdog } from '../watchdog.js';
import { End } from './end.js';

export class LinkStage {
  private readonly directory = mkdtempSync(join(tmpdir(), 'pgl-'));
  private readonly accepted: ((link: Link) => LinkHandler)[] = [];
  private readonly warnings: Error[] = [];
  private readonly ports: Port[] = [];
  private readonly ends: End[] = [];

  constructor(
    private readonly transport: LinkTransport,
    private readonly watchdog: Watchdog,
  ) {}

  /** Runs `test` with a stage of its own, closes its ports, and rejects if there was a warning or a wait that did not end. */
  static async with(
    transport: LinkTransport,
    limit: number,
    test: (stage: LinkStage) => Promise<void>,
  ): Promise<void> {
    const stage = new LinkStage(transport, new Watchdog(limit));
    try {
      await stage.open('near', '0'.repeat(16));
      await stage.open('far', '1'.repeat(16));
      await stage.watchdog.within(test(stage), 'the links to do all that the test asks of them');
      if (stage.warnings[0] !== undefined) throw stage.warnings[0];
    } finally {
      // Some mechanisms leave nothing behind only when no link needs it any more.
      for (const { link } of stage.ends) link.destroy();
      await Promise.all(stage.ports.map((port) => port.close()));
      rmSync(stage.directory, { recursive: true, force: true });
    }
  }

  private async open(name: string, incarnation: string): Promise<void> {
    const port = await this.transport.open({
      namespace: `link-${this.directory.slice(-6)}`,
      self: { name, incarnation },
      path: (suffix) => join(this.directory, `${incarnation}.${suffix}`),
      staging: (path) => `${path}.new`,
      accept: (link) => (this.accepted.shift() as (link: Link) => LinkHandler)(link),
      warn: (error) => void this.warnings.push(error),
    });
    this.ports.push(port);
  }

  /** The port that links are made to. */
  get far(): Port {
    return this.ports[1] as Port;
  }

  async link(): Promise<[near: End, far: End]> {
    const ends: [End, End] = [new End(), new End()];
    const arrived = new Promise<void>((resolve) => {
      this.accepted.push((other) => {
        ends[1].link = other;
        resolve();
        return ends[1];
      });
    });
    ends[0].link = await (this.ports[0] as Port).connect(this.far.address, ends[0]);
    await arrived;
    this.ends.push(...ends);
    return ends;
  }
}
