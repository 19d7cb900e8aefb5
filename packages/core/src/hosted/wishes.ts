import type { Capacity, Ordering } from '../address.js';

/** What an open handle asked its mailbox to be. */
export class Wish {
  previous: Wish | null = null;
  next: Wish | null = null;
  listed = true;

  constructor(
    readonly capacity: Capacity | undefined,
    readonly ordering: Ordering | undefined,
  ) {}
}

/**
 * The wishes of the handles that are open, the oldest first. Linked rather than in a `Set`, whose table takes 300 bytes: most mailboxes have
 * one handle, and there may be tens of thousands.
 */
export class Wishes {
  first: Wish | null = null;
  private last: Wish | null = null;

  get none(): boolean {
    return this.first === null;
  }

  add(capacity?: Capacity, ordering?: Ordering): Wish {
    const wish = new Wish(capacity, ordering);
    wish.previous = this.last;
    if (this.last === null) this.first = wish;
    else this.last.next = wish;
    this.last = wish;
    return wish;
  }

  /** Whether it was among them. */
  delete(wish: Wish): boolean {
    if (!wish.listed) return false;
    wish.listed = false;
    if (wish.previous === null) this.first = wish.next;
    else wish.previous.next = wish.next;
    if (wish.next === null) this.last = wish.previous;
    else wish.next.previous = wish.previous;
    return true;
  }
}
