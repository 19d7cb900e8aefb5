import type { CodecLimits } from '../codec.js';
import { PigeonholeError } from '../errors.js';

export function tooLarge(size: string, { maxMessageBytes }: CodecLimits): PigeonholeError {
  const advice = 'split it, or raise the limit at both ends';
  const message = `The body takes ${size} bytes encoded, more than maxMessageBytes (${maxMessageBytes}); ${advice}.`;
  return new PigeonholeError('ERR_TOO_LARGE', message);
}
