import type { Link, LinkHandler } from '../../src/transport.js';

/** One end of a link and all that it reported. */
export class End implements LinkHandler {
  readonly chunks: Uint8Array[] = [];
  readonly log: ('data' | 'drain' | 'end')[] = [];
  link!: Link;
  /** Whether the link has called its handler from within one of its own calls. */
  reentered = false;
  private calling = false;
  private readonly waiting: { holds: () => boolean; resolve: () => void }[] = [];

  data(chunk: Uint8Array, owned: boolean): void {
    // Not by `slice`, which on a Buffer is a view.
    this.chunks.push(owned ? chunk : Uint8Array.from(chunk));
    this.report('data');
  }

  drain(): void {
    this.report('drain');
  }

  end(): void {
    this.report('end');
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get drains(): number {
    return this.log.filter((what) => what === 'drain').length;
  }

  /** Bytes that have come. */
  get length(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Calls into the link, noticing a handler that is called meanwhile. */
  call<T>(use: (link: Link) => T): T {
    this.calling = true;
    const result = use(this.link);
    this.calling = false;
    return result;
  }

  write(text: string): boolean {
    return this.call((link) => link.write(Buffer.from(text)));
  }

  /** Resolves once it holds. Only a report can make it so. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ holds, resolve }));
  }

  untilOver(): Promise<void> {
    return this.until(() => this.log.includes('end'));
  }

  private report(what: 'data' | 'drain' | 'end'): void {
    this.log.push(what);
    this.reentered ||= this.calling;
    for (const { holds, resolve } of this.waiting) if (holds()) resolve();
  }
}
