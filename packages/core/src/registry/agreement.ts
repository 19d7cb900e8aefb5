import { join } from 'node:path';
import { PigeonholeError } from '../errors.js';
import { type Claims, listing, removeEmpty } from './claims.js';

/** The longest pause before looking again (milliseconds), and how often. */
const PAUSE = 20;
const TRIES = 200;

/** One of the possible choices, as a process has made it. */
export interface Made {
  readonly choice: string;
  /** Who made it before; null: this process is the first. */
  readonly by: string | null;
}

/**
 * One choice for all who leave it open. Each process puts a flag into the folder of what it takes: `<directory>/<choice>/<incarnation>`.
 *
 * As with claims: raise, then look. A process takes what those before it have taken; it keeps its flag only if, once that is up, no live
 * flag is up in another folder. Of two with different choices the one that looked last sees the other, so both never stay.
 */
export class Agreement {
  private mine: string | null = null;

  constructor(
    private readonly claims: Claims,
    private readonly directory: string,
    private readonly self: string,
  ) {}

  /**
   * The choice of those before, or else the first of `candidates`. Resolves with `choice` outside of `candidates` when the others have
   * settled on one that this process cannot take; its flag is then not up.
   */
  async reach(candidates: readonly string[]): Promise<Made> {
    let foreign: string | null = null;
    for (let tries = 0; tries < TRIES; tries++) {
      const [present] = await this.others();
      if (present === undefined || candidates.includes(present.choice)) {
        const choice = present?.choice ?? (candidates[0] as string);
        if (await this.raise(choice)) return { choice, by: present?.by ?? null };
      } else if (present.by === foreign) return present;
      // Whoever has just raised a flag may lower it again: it counts if it is still up after a pause.
      else foreign = present.by;
      await new Promise((resolve) => setTimeout(resolve, PAUSE * (0.5 + Math.random())));
    }
    throw new PigeonholeError(
      'ERR_TRANSPORT',
      `could not agree on one of ${candidates.join(', ')} in ${TRIES} tries`,
      {
        address: this.directory,
      },
    );
  }

  async withdraw(): Promise<void> {
    const { mine } = this;
    this.mine = null;
    if (mine !== null) await this.claims.lower(join(this.directory, mine), this.self);
  }

  private async raise(choice: string): Promise<boolean> {
    this.mine = choice;
    await this.claims.raise(join(this.directory, choice));
    const others = await this.others();
    if (others.every((other) => other.choice === choice)) return true;
    await this.withdraw();
    return false;
  }

  /** One live process for each choice that others have made. */
  async others(): Promise<{ choice: string; by: string }[]> {
    const made: { choice: string; by: string }[] = [];
    for (const choice of (await listing(this.directory)).sort()) {
      const by = await this.claims.owner(join(this.directory, choice));
      if (by !== null) made.push({ choice, by });
      else await removeEmpty(join(this.directory, choice), 1);
    }
    return made;
  }
}
