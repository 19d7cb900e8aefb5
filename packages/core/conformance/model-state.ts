/**
 * What one mailbox may do, as the rules say it: a model that leaves open what they leave open (which of several waiting senders
 * or receivers is served next) and settles it by what is observed.
 */
import assert from 'node:assert/strict';

export interface Sent {
  id: number;
  sender: string;
  type: number;
  priority: number;
}

export interface Wanted {
  types: readonly number[] | null;
  from: string | null;
}

export interface WaitingSend {
  message: Sent;
  handle: string;
}

export interface WaitingReceive {
  wanted: Wanted;
}

function matches({ types, from }: Wanted, message: Sent): boolean {
  return (types === null || types.includes(message.type)) && (from === null || from === message.sender);
}

/** The earliest message of each sender, and within one priority where priorities count. */
function earliest(messages: readonly Sent[], byPriority: boolean): Sent[] {
  const first = new Map<string, Sent>();
  for (const message of messages) {
    const key = byPriority ? `${message.sender} ${message.priority}` : message.sender;
    if (!first.has(key)) first.set(key, message);
  }
  return [...first.values()];
}

export class MailboxModel {
  /** Accepted and not received, in order of acceptance. */
  readonly queue: Sent[] = [];
  readonly sends: WaitingSend[] = [];
  readonly receives: WaitingReceive[] = [];

  constructor(
    readonly capacity: number | 'unbounded',
    readonly byPriority: boolean,
  ) {}

  get hasPlace(): boolean {
    return this.capacity === 'unbounded' || this.queue.length < this.capacity;
  }

  /** The waiting sends of which one must be accepted now: the first of each handle. */
  acceptable(): WaitingSend[] {
    if (this.capacity === 0 || !this.hasPlace) return [];
    const handles = new Set<string>();
    return this.sends.filter(({ handle }) => !handles.has(handle) && handles.add(handle));
  }

  /** The messages of which such a receive must get one; none: it waits, or is null if it only tries. */
  offered(wanted: Wanted): Sent[] {
    // At capacity 0 the messages are those of the senders that wait.
    const there = this.capacity === 0 ? this.sends.map(({ message }) => message) : this.queue;
    const matching = earliest(
      there.filter((message) => matches(wanted, message)),
      this.byPriority,
    );
    if (!this.byPriority || this.capacity === 0) return matching;
    const highest = Math.max(...matching.map(({ priority }) => priority));
    return matching.filter(({ priority }) => priority === highest);
  }

  /** Whether a `trySend` must be true. */
  takes(message: Sent): boolean {
    if (this.capacity === 0) return this.receives.some(({ wanted }) => matches(wanted, message));
    return this.hasPlace && this.sends.length === 0;
  }

  /** Whether something must still happen by itself. */
  get restless(): boolean {
    return (
      this.acceptable().length > 0 || this.receives.some(({ wanted }) => this.offered(wanted).length > 0)
    );
  }

  canAccept(send: WaitingSend): boolean {
    return this.acceptable().includes(send);
  }

  accept(send: WaitingSend): void {
    this.sends.splice(this.sends.indexOf(send), 1);
    if (this.capacity !== 0) this.queue.push(send.message);
  }

  canGive(wanted: Wanted, id: number): boolean {
    return this.offered(wanted).some((message) => message.id === id);
  }

  /** Takes a message out; at capacity 0, off the sender that waits with it. Returns that send. */
  give(id: number): WaitingSend | null {
    if (this.capacity === 0) {
      const send = this.sends.find(({ message }) => message.id === id);
      assert.ok(send !== undefined, `message ${id} came from no waiting sender`);
      this.accept(send);
      return send;
    }
    this.queue.splice(
      this.queue.findIndex((message) => message.id === id),
      1,
    );
    return null;
  }

  toString(): string {
    const show = ({ id, sender, type, priority }: Sent) => `${id}(${sender} t${type} p${priority})`;
    const sends = this.sends.map(({ message }) => show(message)).join(' ');
    const receives = this.receives.map(({ wanted }) => JSON.stringify(wanted)).join(' ');
    return `capacity ${this.capacity}, holds [${this.queue.map(show).join(' ')}], sends wait [${sends}], receives wait [${receives}]`;
  }
}
