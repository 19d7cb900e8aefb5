import { type Envelope, MAX_PRIORITY, matches, type Selector } from './message.js';
import type { Held, Tracker } from './waiters.js';

/** A message in a queue: accepted and not yet taken. */
export class Entry implements Held {
  previous: Entry | null = null;
  next: Entry | null = null;
  /** In its `Bucket`, once the backlog is indexed. */
  bucketPrevious: Entry | null = null;
  bucketNext: Entry | null = null;
  bucket: Bucket | null = null;
  listed = false;

  constructor(
    readonly envelope: Envelope,
    /** Order of acceptance. */
    readonly order: number,
    /** Told when the message is taken. */
    readonly tracker: Tracker | null,
  ) {}
}

/** The entries of one sender, type and priority, in order of acceptance. */
class Bucket {
  first: Entry | null = null;
  last: Entry | null = null;
  constructor(
    readonly key: string,
    readonly sample: Envelope,
  ) {}
}

/** Beyond this backlog a selective receive is worth an index; below it a scan is faster. */
const INDEX_FROM = 64;

/**
 * Accepted messages in the order in which they are to be received: one list, and, once somebody selects from a long one, an
 * index by sender and type, so that neither a receive nor a selective receive depends on the length of the backlog.
 */
export class Backlog {
  size = 0;
  private first: Entry | null = null;
  private last: Entry | null = null;
  /** Last entry of each priority present, so that an insertion need not search. */
  private readonly lasts: (Entry | null)[] | null;
  private buckets: Map<string, Bucket> | null = null;

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
    const cursors = new Map<Bucket, Entry>();
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
    if (this.buckets === null && this.size < INDEX_FROM) {
      for (let at: Entry | null = this.first; at !== null; at = at.next)
        if (matches(selector, at.envelope)) return at;
      return null;
    }
    this.buckets ??= this.index();
    let best: Entry | null = null;
    for (const bucket of this.buckets.values()) {
      const head = bucket.first as Entry;
      if (matches(selector, bucket.sample) && (best === null || this.before(head, best))) best = head;
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
    if (entry.bucket !== null) this.leaveBucket(entry, entry.bucket);
    if (this.size === 0) this.buckets = null;
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

  private link(entry: Entry, place: Entry | null, cursors?: Map<Bucket, Entry>): void {
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
    if (this.buckets !== null) this.enterBucket(entry, this.buckets, cursors);
  }

  private index(): Map<string, Bucket> {
    const buckets = new Map<string, Bucket>();
    for (let at = this.first; at !== null; at = at.next) this.enterBucket(at, buckets);
    return buckets;
  }

  /** At the end of its bucket, or with `cursors` (how far a walk has come in each) where it belongs. */
  private enterBucket(entry: Entry, buckets: Map<string, Bucket>, cursors?: Map<Bucket, Entry>): void {
    const { priority, type, from } = entry.envelope;
    const key = `${this.lasts === null ? 0 : priority} ${type} ${from}`;
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = new Bucket(key, entry.envelope);
      buckets.set(key, bucket);
    }
    let place = cursors === undefined ? bucket.last : (cursors.get(bucket) ?? null);
    let next = place === null ? bucket.first : place.bucketNext;
    for (; next !== null && this.before(next, entry); next = next.bucketNext) place = next;
    cursors?.set(bucket, entry);
    entry.bucket = bucket;
    entry.bucketPrevious = place;
    entry.bucketNext = next;
    if (place === null) bucket.first = entry;
    else place.bucketNext = entry;
    if (next === null) bucket.last = entry;
    else next.bucketPrevious = entry;
  }

  private leaveBucket(entry: Entry, bucket: Bucket): void {
    if (entry.bucketPrevious === null) bucket.first = entry.bucketNext;
    else entry.bucketPrevious.bucketNext = entry.bucketNext;
    if (entry.bucketNext === null) bucket.last = entry.bucketPrevious;
    else entry.bucketNext.bucketPrevious = entry.bucketPrevious;
    entry.bucket = entry.bucketPrevious = entry.bucketNext = null;
    if (bucket.first === null) this.buckets?.delete(bucket.key);
  }
}
