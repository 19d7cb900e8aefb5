import type { Link } from '../transport.js';

/** The way out to one link: what is written while it takes nothing waits here, in order. */
export class Outlet {
  /** The link takes nothing until it drains. */
  blocked = false;
  link: Link | null = null;
  /** Batches, and who wants to know when those before have been passed on to the link. */
  private readonly unwritten: (Uint8Array | (() => void))[] = [];
  private closed = false;

  /** Of what was written, nothing is looked at any more. */
  get empty(): boolean {
    return this.unwritten.length === 0 && this.link?.empty === true;
  }

  write(batch: Uint8Array): void {
    const most = this.link?.maxWriteBytes ?? Infinity;
    for (let at = 0; at < batch.length; at += most)
      this.put(batch.length <= most ? batch : batch.subarray(at, at + most));
  }

  /** As `Link.sent`, of all that was written so far. What is written later does not put it off. */
  sent(done: () => void): boolean {
    if (!this.blocked && this.link !== null) return this.link.sent?.(done) ?? true;
    this.unwritten.push(() => {
      if (this.link?.sent?.(done) ?? true) done();
    });
    return false;
  }

  /** The link takes something again. */
  drain(): void {
    this.blocked = false;
    while (!this.blocked) {
      const next = this.unwritten.shift();
      if (next === undefined) break;
      if (typeof next === 'function') next();
      else this.put(next);
    }
  }

  /** Closes the link when it has all that was written. To be called again after each `drain`. */
  close(): void {
    if (this.unwritten.length > 0) return;
    // Nothing can be written from now on: a link takes it for an error, and drops what has not left yet.
    this.closed = true;
    this.link?.close();
  }

  private put(batch: Uint8Array): void {
    if (this.closed) return;
    if (this.blocked || this.link === null) this.unwritten.push(batch);
    else {
      try {
        this.blocked = !this.link.write(batch);
      } catch (error) {
        this.link.destroy(error instanceof Error ? error : undefined);
      }
    }
  }
}
