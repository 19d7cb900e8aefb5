/**
 * What the harness's own processes say to each other over Node's IPC channel. The main process starts the leading
 * process of a case, which starts the second one, so that the channel between the two can itself be a contender.
 */

import type { Channel, KindName } from './contender.js';

/** One case, to be run by a fresh pair of processes. */
export interface Job {
  readonly kind: KindName;
  readonly name: string;
  /** The contender's module, relative to the contenders' directory. */
  readonly file: string;
  readonly directory: string;
  /** Milliseconds before measuring. */
  readonly warmup: number;
  /** Milliseconds of measuring. */
  readonly duration: number;
  /** Wait for `proceed` once everything is open, so that an observer can attach. */
  readonly hold: boolean;
  readonly serialization: 'json' | 'advanced';
  /** Node options of both processes. */
  readonly nodeOptions: readonly string[];
}

/** Named figures; `kinds.ts` says what each means. */
export type Metrics = Readonly<Record<string, number>>;

/** From the main process to the leading one, and (job only) on to the second. */
export type Command = { bench: 'job'; job: Job } | { bench: 'proceed' };

/** From the leading process to the main one. */
export type Report =
  | { bench: 'phase'; text: string }
  | { bench: 'second'; pid: number }
  | { bench: 'ready' }
  | { bench: 'result'; metrics: Metrics }
  | { bench: 'failure'; text: string };

/** Between the leading process and the second: a named question, and its answer. */
export type Ask = { bench: 'ask'; id: number; name: string };
export type Answer = { bench: 'answer'; id: number; value?: unknown; error?: string };

/** Any message of the harness. */
export type Control = Command | Report | Ask | Answer;

/** Whether a message on the channel is the harness's. A contender's own are handed to its listener. */
export function isControl(message: unknown): message is Control {
  return typeof message === 'object' && message !== null && 'bench' in message;
}

/** What both `process` and a `ChildProcess` offer. */
interface Endpoint {
  send?(
    message: object,
    handle: undefined,
    options: undefined,
    done?: (error: Error | null) => void,
  ): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** Splits one IPC channel: control messages to `onControl`, the rest to the contender's listener. */
export function splitChannel(endpoint: Endpoint, onControl: (message: Control) => void): Channel {
  let onData: ((message: unknown) => void) | undefined;
  endpoint.on('message', (message) => {
    if (isControl(message)) onControl(message);
    else onData?.(message);
  });
  return {
    send(message, done) {
      if (endpoint.send === undefined) throw new Error('this process has no IPC channel');
      return endpoint.send(message, undefined, undefined, done);
    },
    onMessage(listener) {
      onData = listener;
    },
  };
}
