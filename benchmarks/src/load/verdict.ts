import type { Taken } from './sink.js';
import type { Sent } from './source.js';

/** Throws unless every message that was sent was taken, once, in order, unchanged. */
export function verify(sent: readonly Sent[], taken: readonly Taken[]): void {
  const broken = taken.find(({ fault }) => fault !== undefined);
  if (broken !== undefined) throw new Error(`order broken: ${broken.fault}`);
  const out = sum(sent);
  const back = sum(taken);
  if (out.count !== back.count) throw new Error(`sent ${out.count} messages, received ${back.count}`);
  if (out.checksum !== back.checksum)
    throw new Error(`checksum of what was sent ${out.checksum}, of what was received ${back.checksum}`);
}

function sum(parts: readonly Sent[]): Sent {
  let count = 0;
  let checksum = 0;
  for (const part of parts) {
    count += part.count;
    checksum = (checksum + part.checksum) | 0;
  }
  return { count, checksum };
}

/** Messages and seconds, over the window from the first consumer's start to the last one's end. Throws when it has none. */
export function windowOf(taken: readonly Taken[]): { messages: number; seconds: number } {
  const counting = taken.filter(({ windowCount }) => windowCount > 0);
  const messages = counting.reduce((total, { windowCount }) => total + windowCount, 0);
  if (messages === 0) throw new Error('no message in the measured window');
  const start = Math.min(...counting.map(({ windowStart }) => windowStart));
  const end = Math.max(...counting.map(({ windowEnd }) => windowEnd));
  return { messages, seconds: (end - start) / 1000 };
}
