import { mailbox } from '../address.js';
import type { ActorRuntime } from './actor-runtime.js';
import type { Turn } from './turn.js';

/** Milliseconds after which a caller is told who works on its request: what is done sooner does not cost a message. */
const PATIENCE = 10;

/**
 * Asks whose handlers have not ended at once. Where the death of this process would take the mailbox along, callers hear of that, and
 * need not be told soon who works for them; else they are told in this turn of the event loop, before this process answers
 * anything else: or they would wait in vain for one that is killed just then.
 */
export class Announcing {
  private readonly turns = new Map<string, Turn[]>();

  constructor(private readonly runtime: ActorRuntime) {}

  add(turn: Turn, actor: string): void {
    const turns = this.turns.get(actor);
    if (turns !== undefined) {
      turns.push(turn);
      return;
    }
    if (this.turns.size === 0) setImmediate(() => this.flush());
    this.turns.set(actor, [turn]);
  }

  flush(): void {
    if (this.turns.size === 0) return;
    const due = [...this.turns];
    this.turns.clear();
    for (const [actor, turns] of due) {
      const lasting = turns.filter((turn) => turn.lasting);
      if (lasting.length === 0) continue;
      const delay = this.goesWithMailbox(actor) ? PATIENCE : 0;
      for (const turn of lasting) turn.announceIn(delay);
    }
  }

  private goesWithMailbox(actor: string): boolean {
    const { kind, host, capabilities } = this.runtime.explain(mailbox(actor));
    return kind === 'store' ? !capabilities.durable : host === this.runtime.name;
  }
}
