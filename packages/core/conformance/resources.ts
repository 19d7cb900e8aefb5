/** What keeps the event loop of a thread alive. */
import { setTimeout as later } from 'node:timers/promises';

/** Sockets, servers, timers, requests under way …, as Node.js names them; without those that keep nothing alive. */
function count(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Those there were when this was made. */
export class Resources {
  private readonly before = count();

  /** Resolves once there are no others. */
  async untilNoMore(): Promise<void> {
    while ([...count()].some(([kind, now]) => now > (this.before.get(kind) ?? 0)))
      await later(1, undefined, { ref: false });
  }
}
