import { PigeonholeError } from '../../errors.js';
import { Refusal } from '../refusal.js';

/** What one encoding or decoding counts and collects. */
export class State {
  /** Where what was read last ends. */
  at = 0;
  nodes = 0;
  maxNodes = 0;
  maxDepth = 0;
  /** The parts that the schema leaves open, in order. */
  open: unknown[] = [];
  /** Of those, how many have been handed out. */
  taken = 0;

  /** Counts values; throws `tooMany`. */
  count(nodes: number): void {
    this.nodes += nodes;
    if (this.nodes > this.maxNodes) throw tooMany;
  }

  /** `depth` containers have been entered or may be. Throws `tooDeep`. */
  reach(depth: number): void {
    if (depth > this.maxDepth) throw tooDeep;
  }

  /** The next open part. */
  take(at: number): unknown {
    if (this.taken >= this.open.length) throw odd(at, 'an open part is missing');
    return this.open[this.taken++];
  }

  takeBigint(at: number): bigint {
    const value = this.take(at);
    if (typeof value !== 'bigint') throw odd(at, 'a bigint was due');
    return value;
  }

  clear(): void {
    this.nodes = 0;
    this.taken = 0;
    if (this.open.length > 0) this.open = [];
  }
}

/**
 * The body does not have the form. Thrown bare, for it costs least: `check` looks afterwards what is wrong and where.
 * One object each, never seen outside this folder.
 */
export const misfit = new Refusal('ERR_SCHEMA', 'does not have the form that the schema gives');
export const tooMany = new Refusal('ERR_TOO_LARGE', 'has too many values', true);
export const tooDeep = new Refusal('ERR_UNSERIALIZABLE', 'nests too deeply', true);

/** `ERR_FRAME`: bytes that are not what a sender with this schema writes. */
export function odd(at: number, reason: string): PigeonholeError {
  return new PigeonholeError('ERR_FRAME', `Not a body of this schema: ${reason}, at byte ${at}.`);
}

export function early(at: number): PigeonholeError {
  return odd(at, 'the body ends early');
}
