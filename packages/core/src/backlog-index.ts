import type { Entry } from './backlog.js';
import type { Envelope } from './message.js';

/** An entry's place in one chain. */
export interface Place {
  readonly entry: Entry;
  readonly chain: Chain;
  previous: Place | null;
  next: Place | null;
}

/** Entries that a selector does not tell apart, in the order of the backlog. */
export class Chain {
  first: Place | null = null;
  last: Place | null = null;

  constructor(readonly key: number | string) {}
}

/** By what an index finds entries: the part of a selector that is given. */
export const By = { type: 0, sender: 1, both: 2 } as const;
export type By = (typeof By)[keyof typeof By];

/** Messages of one type (or sender, or both) and priority, so that the first of them is found at once. */
export class BacklogIndex {
  private readonly chains = new Map<number | string, Chain>();

  constructor(
    private readonly by: By,
    private readonly before: (a: Entry, b: Entry) => boolean,
    /** Whether priorities make an order: else all are one. */
    private readonly byPriority: boolean,
  ) {}

  /** The first entry of this kind. */
  first(type: number, from: string, priority: number): Entry | null {
    return this.chains.get(this.keyOf(type, from, priority))?.first?.entry ?? null;
  }

  /** At the end of its chain, or with `cursors` (how far a walk has come in each) where it belongs. */
  enter(entry: Entry, cursors?: Map<Chain, Place>): void {
    const { type, from, priority }: Envelope = entry.envelope;
    const key = this.keyOf(type, from, priority);
    let chain = this.chains.get(key);
    if (chain === undefined) {
      chain = new Chain(key);
      this.chains.set(key, chain);
    }
    let previous = cursors === undefined ? chain.last : (cursors.get(chain) ?? null);
    let next = previous === null ? chain.first : previous.next;
    for (; next !== null && this.before(next.entry, entry); next = next.next) previous = next;
    const place: Place = { entry, chain, previous, next };
    if (previous === null) chain.first = place;
    else previous.next = place;
    if (next === null) chain.last = place;
    else next.previous = place;
    cursors?.set(chain, place);
    entry.places ??= [null, null, null];
    entry.places[this.by] = place;
  }

  leave(entry: Entry): void {
    const place = entry.places?.[this.by] ?? null;
    if (place === null || entry.places === null) return;
    entry.places[this.by] = null;
    const { chain, previous, next } = place;
    if (previous === null) chain.first = next;
    else previous.next = next;
    if (next === null) chain.last = previous;
    else next.previous = previous;
    // Cut loose, or one that has grown old would keep all later ones alive until a full collection.
    place.previous = place.next = null;
    if (chain.first === null) this.chains.delete(chain.key);
  }

  private keyOf(type: number, from: string, priority: number): number | string {
    const level = this.byPriority ? priority : 0;
    // A type has 31 bits, so both fit into a number exactly.
    if (this.by === By.type) return level * 2 ** 31 + type;
    return this.by === By.sender ? `${level} ${from}` : `${level} ${type} ${from}`;
  }
}
