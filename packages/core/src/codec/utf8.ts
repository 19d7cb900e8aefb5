import { isUtf8 } from 'node:buffer';

interface WellFormed {
  /** ES2024, and in every Node we support. */
  isWellFormed(): boolean;
}

/** Some readers drop a byte order mark at the start; strings this short are decoded without one. */
const SAFE_FROM_BOM = 16;

/** Whether UTF-8 would lose something: a lone surrogate, or a leading U+FEFF. */
export function needsUtf16(text: string): boolean {
  if (!(text as unknown as WellFormed).isWellFormed()) return true;
  return text.length > SAFE_FROM_BOM && text.charCodeAt(0) === 0xfeff;
}

/** Below this a loop beats the call into C++. */
const LONGEST_LOOPED = 96;

/** Whether the range is UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing cut off. */
export function isUtf8Range(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > LONGEST_LOOPED) return isUtf8(bytes.subarray(start, end));
  let at = start;
  while (at < end && (bytes[at] as number) < 0x80) at++;
  while (at < end) {
    const lead = bytes[at++] as number;
    if (lead < 0x80) continue;
    const follow = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0;
    if (follow === 0 || end - at < follow) return false;
    // The second byte alone excludes overlong forms, surrogates and what lies beyond U+10FFFF.
    const second = bytes[at] as number;
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return false;
    for (let i = 1; i < follow; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return false;
    at += follow;
  }
  return true;
}
