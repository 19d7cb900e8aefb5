import { PigeonholeError } from '../errors.js';
import type { LocalActor } from './local-actor.js';
import { Request } from './protocol.js';
import type { Turn } from './turn.js';

/** The messages that one instance has put aside, in that order. */
export class Stash {
  private turns: Turn[] = [];

  constructor(private readonly actor: LocalActor) {}

  /** Throws `ERR_UNSUPPORTED` for what is no message or wants a stream, `ERR_NO_SPACE`. */
  put(turn: Turn): void {
    const { name, spec } = this.actor;
    if (turn.request.handler === '' || turn.request.kind === Request.stream)
      throw new PigeonholeError('ERR_UNSUPPORTED', `actor '${name}': only a tell or an ask can be stashed`);
    if (this.turns.length >= spec.stashCapacity)
      throw new PigeonholeError(
        'ERR_NO_SPACE',
        `actor '${name}' has stashed ${this.turns.length} messages; its stashCapacity is ${spec.stashCapacity}`,
      );
    if (turn.stashed) return;
    turn.stashed = true;
    this.turns.push(turn);
  }

  remove(turn: Turn): void {
    this.turns = this.turns.filter((other) => other !== turn);
  }

  takeAll(): Turn[] {
    return this.turns.splice(0);
  }
}
