import { isIncarnation, isName } from '../naming.js';
import type { PeerInfo } from '../transport.js';

/** What one process tells the others: a JSON object a line. */
export type Notice =
  | { readonly is: 'hello'; readonly peer: PeerInfo }
  | { readonly is: 'host'; readonly mailbox: string };

/** What a process says of itself, if `value` has that form. */
export function parsePeer(value: unknown): PeerInfo | null {
  if (typeof value !== 'object' || value === null) return null;
  const { name, incarnation, pid, ports } = value as Partial<PeerInfo>;
  if (!isName(name) || !isIncarnation(incarnation) || typeof pid !== 'number') return null;
  if (
    typeof ports !== 'object' ||
    ports === null ||
    Object.values(ports).some((port) => typeof port !== 'string')
  )
    return null;
  return { name, incarnation, pid, ports };
}

/** Null for what is no notice. */
export function parseNotice(line: string): Notice | null {
  try {
    const { is, peer, mailbox } = JSON.parse(line) as Record<string, unknown>;
    if (is === 'host') return isName(mailbox) ? { is, mailbox } : null;
    const parsed = is === 'hello' ? parsePeer(peer) : null;
    return parsed === null ? null : { is: 'hello', peer: parsed };
  } catch {
    return null;
  }
}
