import { Buffer } from 'node:buffer';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { COOKIE_BYTES, ID_BYTES, type Init, PROOF_BYTES } from './packet.js';

/** How long a cookie is good for (seconds), and so how long a used connection id is remembered. */
const COOKIE_LIFE = 10;

/** In place of a cookie, in the first `init`. */
export const NO_COOKIE = Buffer.alloc(COOKIE_BYTES);

export function newId(): string {
  return randomBytes(ID_BYTES).toString('latin1');
}

function mac(key: Buffer, ...parts: (Buffer | string)[]): Buffer {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest().subarray(0, PROOF_BYTES);
}

/** An `init` with the proof that its sender knows the key of the port that it goes to. */
export function prove(key: Buffer, unproven: Buffer): Buffer {
  return Buffer.concat([unproven, mac(key, unproven)]);
}

export type Verdict = 'stranger' | 'ask' | 'replayed' | 'welcome';

/**
 * Decides about every `init` that comes to a port, without keeping anything for its sender: a cookie, which only who receives at the
 * claimed address has, says what would have to be remembered. What is remembered is which connection ids have been used, for as long as
 * their cookies are good.
 */
export class Door {
  readonly key = randomBytes(PROOF_BYTES);
  private readonly secret = randomBytes(32);
  /** Until when (seconds), oldest first. */
  private readonly used = new Map<string, number>();

  /** `from`: the address it came from. `now`: seconds. */
  judge(init: Init, from: string, now: number): Verdict {
    if (!timingSafeEqual(init.proof, mac(this.key, init.proven))) return 'stranger';
    const bakedAt = init.cookie.readUInt32LE(0);
    const fresh = bakedAt <= now && now - bakedAt <= COOKIE_LIFE;
    if (!fresh || !timingSafeEqual(init.cookie, this.bake(init.from, from, bakedAt))) return 'ask';
    return this.used.has(entry(init.from, from)) ? 'replayed' : 'welcome';
  }

  cookie(id: string, from: string, now: number): Buffer {
    return this.bake(id, from, Math.floor(now));
  }

  /** A connection begins: its `init` must not begin another. */
  use(id: string, from: string, now: number): void {
    for (const [key, until] of this.used) {
      if (until > now) break;
      this.used.delete(key);
    }
    this.used.set(entry(id, from), now + COOKIE_LIFE + 1);
  }

  private bake(id: string, from: string, seconds: number): Buffer {
    const cookie = Buffer.alloc(COOKIE_BYTES);
    cookie.writeUInt32LE(seconds, 0);
    mac(this.secret, cookie.subarray(0, 4), entry(id, from)).copy(cookie, 4);
    return cookie;
  }
}

function entry(id: string, from: string): string {
  return `${from} ${id}`;
}
