/** Slots of one that has something: of tens of thousands of idle ones, most never have. */
const FIRST = 8;
/** Beyond so many numbers between the oldest and the newest, the oldest are kept aside. A power of two. */
const LARGEST = 4096;

/**
 * What is under way, by the number it was given: numbers count up (modulo 2^32), and most are answered in about that order.
 *
 * A ring of slots rather than a `Map`: under a steady stream of additions and deletions a Map's outgrown tables each refer to
 * the next, and once one of them is in the old generation, every entry since survives until a full collection (measured:
 * a fifth of a sender's time went into copying them).
 */
export class Numbered<T> {
  size = 0;
  private slots: (T | undefined)[] = [];
  private oldest = 0;
  private next = 0;
  private aside: Map<number, T> | null = null;

  /** Gives `value` the next number. */
  add(value: T): number {
    if (this.span === this.slots.length) this.makeRoom();
    const number = this.next;
    this.slots[number & (this.slots.length - 1)] = value;
    this.next = (number + 1) >>> 0;
    this.size++;
    return number;
  }

  /** Puts `value` under a number that the other side gave. False when that number is in use. */
  set(number: number, value: T): boolean {
    if (this.get(number) !== undefined) return false;
    if (this.size === 0) this.oldest = this.next = number;
    const ahead = (number - this.next) >>> 0;
    if (ahead < LARGEST) {
      while (this.span + ahead >= this.slots.length) this.makeRoom();
      this.slots[number & (this.slots.length - 1)] = value;
      this.next = (number + 1) >>> 0;
    } else {
      this.aside ??= new Map();
      this.aside.set(number, value);
    }
    this.size++;
    return true;
  }

  get(number: number): T | undefined {
    if ((number - this.oldest) >>> 0 >= this.span) return this.aside?.get(number);
    return this.slots[number & (this.slots.length - 1)] ?? this.aside?.get(number);
  }

  /** Removes and returns what has this number. */
  take(number: number): T | undefined {
    const slot = number & (this.slots.length - 1);
    if ((number - this.oldest) >>> 0 < this.span && this.slots[slot] !== undefined) {
      const value = this.slots[slot];
      this.slots[slot] = undefined;
      this.size--;
      this.advance();
      return value;
    }
    const value = this.aside?.get(number);
    if (value !== undefined && this.aside?.delete(number)) this.size--;
    return value;
  }

  /** Empties it; everything that was there, oldest first. */
  drain(): T[] {
    const all = [...this.values()];
    this.slots.fill(undefined);
    this.oldest = this.next;
    this.aside = null;
    this.size = 0;
    return all;
  }

  *values(): Generator<T> {
    if (this.aside !== null) yield* this.aside.values();
    for (let i = 0, span = this.span; i < span; i++) {
      const value = this.slots[(this.oldest + i) & (this.slots.length - 1)];
      if (value !== undefined) yield value;
    }
  }

  private get span(): number {
    return (this.next - this.oldest) >>> 0;
  }

  private advance(): void {
    while (this.oldest !== this.next && this.slots[this.oldest & (this.slots.length - 1)] === undefined)
      this.oldest = (this.oldest + 1) >>> 0;
  }

  private makeRoom(): void {
    const { slots } = this;
    if (slots.length < LARGEST) {
      this.slots = new Array<T | undefined>(Math.max(FIRST, slots.length * 2)).fill(undefined);
      for (let i = 0; i < slots.length; i++) {
        const number = (this.oldest + i) >>> 0;
        this.slots[number & (this.slots.length - 1)] = slots[number & (slots.length - 1)];
      }
      return;
    }
    const slot = this.oldest & (slots.length - 1);
    const value = slots[slot];
    // A number that came ahead of its turn may have left the oldest slot empty.
    if (value !== undefined) {
      this.aside ??= new Map();
      this.aside.set(this.oldest, value);
      slots[slot] = undefined;
    }
    this.advance();
  }
}
