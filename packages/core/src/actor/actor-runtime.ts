import type { Destination, Source } from '../address.js';
import type { Logger, ResolvedConfig } from '../config.js';
import type { Receiver, Sender } from '../mailbox.js';
import type { Explanation } from '../reports.js';

/** What the actors need of a runtime: mailboxes, and who else is there. `Runtime` fits it. */
export interface ActorRuntime {
  readonly name: string;
  readonly incarnation: string;
  readonly logger: Logger;
  readonly config: ResolvedConfig;
  /** A sender that opens while its first messages wait; never rejects. */
  senderSoon(to: Destination): Sender<unknown>;
  receiver(from: Source): Promise<Receiver<unknown>>;
  peers(): readonly { readonly name: string; readonly incarnation: string; readonly pid: number }[];
  explain(address: Destination): Explanation;
  warn(error: Error): void;
}
