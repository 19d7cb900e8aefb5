import type { Child } from './local-actor.js';
import type { ErasedSpec } from './types.js';

/** The children of one instance, in the order in which they were started. */
export class Children {
  private readonly byName = new Map<string, Child>();

  constructor(private readonly scope: ErasedSpec['supervision']['children']) {}

  add(child: Child): void {
    this.byName.set(child.name, child);
  }

  /** It has ended. */
  remove(name: string): void {
    this.byName.delete(name);
  }

  /** One of them restarts: as the scope says, others do too. */
  restarts(name: string, delay: number): void {
    if (this.scope === 'one-for-one') return;
    const names = [...this.byName.keys()];
    const first = this.scope === 'one-for-all' ? 0 : names.indexOf(name) + 1;
    for (const sibling of names.slice(first)) if (sibling !== name) this.byName.get(sibling)?.restart(delay);
  }

  /** The last one first. */
  async stop(deadline: number): Promise<void> {
    const children = [...this.byName.values()].reverse();
    this.byName.clear();
    for (const child of children) await child.stop(deadline);
  }
}
