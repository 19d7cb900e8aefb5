import { stat } from 'node:fs/promises';
import { loadTransport, type ResolvedConfig } from './config.js';
import { PigeonholeError } from './errors.js';
import type { Transport } from './transport.js';

/** The configured word for: the fastest that works here, the same for all processes of the namespace that say so. */
export const AUTO = 'auto';

/** Fastest first. */
const PREFERENCE = ['shm', 'uds', 'tcp'];

export interface Candidate {
  readonly transport: Transport;
  /** Two processes can meet on it if they have the same. */
  readonly mark: string;
}

/** What can be loaded here, fastest first, and why the rest cannot. */
export interface Candidates {
  readonly working: Candidate[];
  readonly failing: Map<string, string>;
}

export async function findCandidates(config: ResolvedConfig): Promise<Candidates> {
  const working: Candidate[] = [];
  const failing = new Map<string, string>();
  for (const name of PREFERENCE)
    try {
      const transport = await loadTransport(name, config.resolveFrom, {});
      working.push({ transport, mark: await markOf(name) });
    } catch (error) {
      failing.set(name, (error as Error).message);
    }
  if (working.length > 0) return { working, failing };
  throw new PigeonholeError(
    'ERR_TRANSPORT',
    `transport 'auto': none of ${PREFERENCE.join(', ')} works here; ${[...failing.values()].join('; ')}`,
    { transport: AUTO },
  );
}

/** Containers may share the runtime directory and not /dev/shm: then each has a memory of its own under the same names. */
async function markOf(name: string): Promise<string> {
  return name === 'shm' ? `shm-${(await stat('/dev/shm')).dev.toString(16)}` : name;
}

/** A process is configured for other transports than those have agreed on that left it open. */
export function differs(mark: string, who: string, configured: readonly string[]): PigeonholeError {
  const [name = mark] = mark.split('-');
  return new PigeonholeError(
    'ERR_TRANSPORT',
    `this namespace uses '${name}' where no transport is named (process ${who} does), and this process is configured for ` +
      `${configured.map((each) => `'${each}'`).join(', ')}: a mailbox that each side has on its own transport is two mailboxes; configure the same for ` +
      "all of them, or 'auto' here, too",
    { transport: name },
  );
}

/** The others have settled on what does not work here. */
export function cannotFollow(mark: string, who: string, { failing }: Candidates): PigeonholeError {
  const [name = mark] = mark.split('-');
  const reason =
    failing.get(name) ??
    (name === 'shm' ? 'this process has another /dev/shm than that one' : 'this version does not know it');
  return new PigeonholeError(
    'ERR_TRANSPORT',
    `transport 'auto': this namespace uses '${name}' (process ${who} has it), which does not work here: ${reason}; install ` +
      `@pigeonhole/transport-${name} here, or configure the same transport for all of them`,
    { transport: name },
  );
}
