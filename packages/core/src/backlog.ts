import { BacklogIndex, By, type Chain, type Place } from './backlog-index.js';
import { type Envelope, MAX_PRIORITY, matches, type Selector } from './message.js';
import type { Held, Tracker } from './waiters.js';

/** A message in a queue: accepted and not yet taken. */
export class Entry implements Held {
  previous: Entry | null = null;
  next: Entry | null = null;
  /** In each `BacklogIndex` there is, once the backlog has one. */
  places: (Place | null)[] | null = null;
  listed = false;

  constructor(
    readonly envelope: Envelope,
    /** Order of acceptance. */
    readonly order: number,
    /** Told when the message is taken. */
    readonly tracker: Tracker | null,
  ) {}
}

/** Beyond this backlog a selective receive is worth an index; below it a scan is faster. */
const INDEX_FROM = 64;

/**
 * Accepted messages in the order in which they are to be received: one list, and, once somebody selects from a long one, an
 * index by what is selected, so that neither a receive nor a selective receive depends on the length of the backlog, nor on how
 * many types or senders are in it.
 */
export class Backlog {
  size = 0;
  private first: Entry | null = null;
  private last: Entry | null = null;
  /** Last entry of each priority present, so that an insertion need not search. */
  private readonly lasts: (Entry | null)[] | null;
  private readonly indexes: (BacklogIndex | null)[] = [null, null, null];

  constructor(priority: boolean) {
    this.lasts = priority ? new Array<Entry | null>(MAX_PRIORITY + 1).fill(null) : null;
  }

  /** Adds a newly accepted message at its place. */
  append(entry: Entry): void {
    this.link(entry, this.lasts === null ? this.last : this.predecessor(entry.envelope.priority));
  }

  /** Puts back entries that were removed, each at the place it had, in one walk. Returns them in order. */
  restore(entries: readonly Entry[]): Entry[] {
    const ordered = [...entries].sort((a, b) => (this.before(a, b) ? -1 : 1));
    const cursors = new Map<Chain, Place>();
    let place: Entry | null = null;
    for (const entry of ordered) {
      for (let at = place === null ? this.first : place.next; at !== null; at = at.next) {
        if (!this.before(at, entry)) break;
        place = at;
      }
      this.link(entry, place, cursors);
      place = entry;
    }
    return ordered;
  }

  /** The message that `selector` is to get, or null. Leaves it in place. */
  find(selector: Selector | null): Entry | null {
    if (selector === null || this.first === null) return this.first;
    const { types, from } = selector;
    if (types === null && from === null) return this.first;
    const by = types === null ? By.sender : from === null ? By.type : By.both;
    if (this.indexes[by] === null && this.size < INDEX_FROM) {
      for (let at: Entry | null = this.first; at !== null; at = at.next)
        if (matches(selector, at.envelope)) return at;
      return null;
    }
    const index = this.indexes[by] ?? this.build(by);
    if (this.lasts === null) return this.firstOf(index, selector, 0);
    for (let priority = MAX_PRIORITY; priority >= 0; priority--) {
      const found = this.lasts[priority] === null ? null : this.firstOf(index, selector, priority);
      if (found !== null) return found;
    }
    return null;
  }

  /** The first of one priority. */
  private firstOf(index: BacklogIndex, { types, from }: Selector, priority: number): Entry | null {
    let best: Entry | null = null;
    for (const type of types ?? [0]) {
      const first = index.first(type, from ?? '', priority);
      if (first !== null && (best === null || this.before(first, best))) best = first;
    }
    return best;
  }

  remove(entry: Entry): void {
    if (!entry.listed) return;
    entry.listed = false;
    this.size--;
    if (this.lasts !== null && this.lasts[entry.envelope.priority] === entry) {
      const previous = entry.previous;
      this.lasts[entry.envelope.priority] =
        previous?.envelope.priority === entry.envelope.priority ? previous : null;
    }
    if (entry.previous === null) this.first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === null) this.last = entry.previous;
    else entry.next.previous = entry.previous;
    entry.previous = entry.next = null;
    if (entry.places === null) return;
    for (const index of this.indexes) index?.leave(entry);
    if (this.size === 0) this.indexes.fill(null);
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (let at = this.first; at !== null; ) {
      const next: Entry | null = at.next;
      yield at;
      at = next;
    }
  }

  private before(a: Entry, b: Entry): boolean {
    if (this.lasts !== null && a.envelope.priority !== b.envelope.priority)
      return a.envelope.priority > b.envelope.priority;
    return a.order < b.order;
  }

  /** The entry after which one of this priority goes: the last of its own or of the next higher priority present. */
  private predecessor(priority: number): Entry | null {
    const lasts = this.lasts as (Entry | null)[];
    for (let level = priority; level <= MAX_PRIORITY; level++) if (lasts[level]) return lasts[level] as Entry;
    return null;
  }

  private link(entry: Entry, place: Entry | null, cursors?: Map<Chain, Place>): void {
    const next = place === null ? this.first : place.next;
    entry.previous = place;
    entry.next = next;
    if (place === null) this.first = entry;
    else place.next = entry;
    if (next === null) this.last = entry;
    else next.previous = entry;
    entry.listed = true;
    this.size++;
    const { priority } = entry.envelope;
    if (this.lasts !== null && next?.envelope.priority !== priority) this.lasts[priority] = entry;
    for (const index of this.indexes) index?.enter(entry, cursors);
  }

  private build(by: By): BacklogIndex {
    const index = new BacklogIndex(by, (a, b) => this.before(a, b), this.lasts !== null);
    for (let at = this.first; at !== null; at = at.next) index.enter(at);
    this.indexes[by] = index;
    return index;
  }
}
