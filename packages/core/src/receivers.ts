import { type Envelope, matches } from './message.js';
import type { ReceiveOperation } from './waiters.js';
import { OperationList } from './waiting.js';

/** Of two that wait, the one that came first. */
function earlier(a: ReceiveOperation | null, b: ReceiveOperation | null): ReceiveOperation | null {
  if (a === null || b === null) return a ?? b;
  return a.order < b.order ? a : b;
}

/** A receive that selects by more types is not indexed: a stranger's could otherwise take thousands of places each. */
const MOST_PLACES = 4;

/** The receives that wait for what they select, also found by what that is: by type, by sender, by both. */
class SelectiveList extends OperationList<ReceiveOperation> {
  private readonly byType = new Map<number, Set<ReceiveOperation>>();
  private readonly bySender = new Map<string, Set<ReceiveOperation>>();
  private readonly byBoth = new Map<string, Set<ReceiveOperation>>();
  /** Those of many types, one after the other. */
  private readonly others = new Set<ReceiveOperation>();

  override push(operation: ReceiveOperation): void {
    super.push(operation);
    if (isLong(operation)) this.others.add(operation);
    else
      this.visit(operation, (map, key) => {
        const lane = map.get(key);
        if (lane === undefined) map.set(key, new Set([operation]));
        else lane.add(operation);
      });
  }

  override remove(operation: ReceiveOperation): void {
    if ((operation.list as unknown) !== this) return;
    super.remove(operation);
    if (isLong(operation)) this.others.delete(operation);
    else
      this.visit(operation, (map, key) => {
        const lane = map.get(key);
        if (lane?.delete(operation) && lane.size === 0) map.delete(key);
      });
  }

  find(envelope: Envelope, after: number): ReceiveOperation | null {
    const { type, from } = envelope;
    const lanes = [
      this.byType.get(type),
      this.bySender.get(from),
      this.byBoth.size === 0 ? undefined : this.byBoth.get(`${type} ${from}`),
    ];
    let best: ReceiveOperation | null = null;
    for (const lane of lanes)
      for (const operation of lane ?? [])
        if (operation.order > after) {
          best = earlier(best, operation);
          break;
        }
    for (const operation of this.others)
      if (operation.order > after && matches(operation.selector, envelope)) return earlier(best, operation);
    return best;
  }

  /** Every place of the index that this receive has. */
  private visit(
    { selector }: ReceiveOperation,
    at: <K>(map: Map<K, Set<ReceiveOperation>>, key: K) => void,
  ): void {
    const { types, from } = selector as NonNullable<typeof selector>;
    if (types === null) at(this.bySender, from as string);
    else if (from === null) for (const type of types) at(this.byType, type);
    else for (const type of types) at(this.byBoth, `${type} ${from}`);
  }
}

/**
 * The receives that wait on a queue, in the order in which they came. The first that takes a message is found at once,
 * however many wait for others.
 */
export class Receivers {
  private readonly any = new OperationList<ReceiveOperation>();
  /** Made at first use: of most mailboxes nobody selects, and there may be tens of thousands. */
  private selective: SelectiveList | null = null;
  private turn = 0;

  get size(): number {
    return this.any.size + (this.selective?.size ?? 0);
  }

  push(operation: ReceiveOperation): void {
    operation.order = this.turn++;
    if (selectsNothing(operation)) this.any.push(operation);
    else {
      this.selective ??= new SelectiveList();
      this.selective.push(operation);
    }
  }

  /** The first in line that would take it, of those that came after `after`. */
  find(envelope: Envelope, after = -1): ReceiveOperation | null {
    let any = this.any.first;
    while (any !== null && any.order <= after) any = any.next as ReceiveOperation | null;
    return this.selective === null || this.selective.size === 0
      ? any
      : earlier(any, this.selective.find(envelope, after));
  }

  remove(operation: ReceiveOperation): void {
    operation.list?.remove(operation);
  }

  /** Empties it into an array, in order. */
  drain(): ReceiveOperation[] {
    return [...this.any.drain(), ...(this.selective?.drain() ?? [])].sort((a, b) => a.order - b.order);
  }
}

function isLong({ selector }: ReceiveOperation): boolean {
  return (selector?.types?.length ?? 0) > MOST_PLACES;
}

function selectsNothing({ selector }: ReceiveOperation): boolean {
  return selector === null || (selector.types === null && selector.from === null);
}
