import type { MailboxCapacity } from './options.js';

/**
 * What a service is told at its start, as JSON on its command line. How messages travel is not part of it:
 * the runtime finds that in its own configuration.
 */
export interface RunSettings {
  /** Path of the data file; absent: the flights of vega-datasets. */
  data?: string;
  /** Flights to send, counting repetitions. */
  total: number;
  /** Of each of the two mailboxes. */
  capacity: MailboxCapacity;
  /** Names of the enrichers, in the order in which they open the mailbox. */
  enrichers: string[];
  /** Who is told about progress. */
  watchers: string[];
  /** When the command was given, in milliseconds since the epoch. */
  startedAt: number;
  output: 'text' | 'json';
  /** Shown with the result, as it is. */
  setup: Record<string, string | number>;
}
