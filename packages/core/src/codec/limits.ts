import type { CodecLimits } from '../codec.js';
import { PigeonholeError } from '../errors.js';
import { Refusal } from './refusal.js';

/**
 * Deepest nesting whatever `maxDepth` says: decoding recurses, and what has been verified must not end a thread's
 * stack. The default stack holds four times as much.
 */
export const DEEPEST = 512;

/**
 * How many numbers may serve as keys of Maps or elements of Sets in one body.
 *
 * V8 hashes them without a secret seed, so that numbers can be chosen to collide, and holding n of them takes n² steps:
 * 80,000 bigints block the thread for 20 s on Node 20 and longer on later ones. At this limit the worst body blocks it
 * for about a second. Strings are hashed with a seed, objects by identity: both are bounded by `maxNodes` alone.
 */
export const MAX_NUMERIC_KEYS = 16_384;
/** A bigint counts as this many: collisions among them are the easiest to find, and the dearest to step over. */
export const BIGINT_KEY = 8;

export function depthLimit({ maxDepth }: CodecLimits): number {
  return Math.min(maxDepth, DEEPEST);
}

/** Throws a `Refusal` if a container at `depth`, with `nodes` values so far, breaks a limit. */
export function checkContainer(limits: CodecLimits, depth: number, nodes: number): void {
  if (depth > limits.maxDepth || depth > DEEPEST) {
    const reason = `nests deeper than maxDepth (${depthLimit(limits)}, at most ${DEEPEST}); flatten the body.`;
    throw new Refusal('ERR_UNSERIALIZABLE', reason, true);
  }
  if (nodes > limits.maxNodes) {
    const advice = 'send numbers as one typed array, or split the body.';
    const reason = `brings the body to more than maxNodes (${limits.maxNodes}) values; ${advice}`;
    throw new Refusal('ERR_TOO_LARGE', reason, true);
  }
}

export function tooLarge(size: string, maxMessageBytes: number): PigeonholeError {
  const advice = 'split it, or raise the limit at both ends';
  const message = `The body takes ${size} bytes encoded, more than maxMessageBytes (${maxMessageBytes}); ${advice}.`;
  return new PigeonholeError('ERR_TOO_LARGE', message);
}
