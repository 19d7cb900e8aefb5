import type { ChildProcess } from 'node:child_process';
import type { Destination, Source } from '../address.js';
import type { Logger, ResolvedConfig } from '../config.js';
import type { Receiver } from '../receiver.js';
import type { Explanation } from '../reports.js';
import type { Sender } from '../sender.js';
import type { ProcessOptions } from '../transport.js';

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
  /** Starts a script in a process that the transports in use reach. */
  startProcess(script: string, options: ProcessOptions): ChildProcess;
  explain(address: Destination): Explanation;
  warn(error: Error): void;
}
