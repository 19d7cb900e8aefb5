/**
 * What the harness's own processes say to each other. The main process starts the leading process of a case, which starts the
 * others, so that the channel between those can itself be a contender.
 */

import type { Channel, KindName } from './contender.js';
import type { WarmUp, WarmUpRule } from './warm-up.js';

/** One case, to be run by fresh processes. */
export interface Job {
  readonly kind: KindName;
  readonly name: string;
  /** The contender's module, relative to the contenders' directory. */
  readonly file: string;
  readonly directory: string;
  readonly root: string;
  /** Which of the other processes this is, from 0; -1 in the leading one. */
  readonly index: number;
  /** How many other processes can be started before the case is loaded: those that a plain `spawn` starts. */
  readonly early: number;
  readonly warmUp: WarmUpRule;
  /** Milliseconds at the start of each measuring that do not count: the case was idle while others had their turn. */
  readonly runUp: number;
  /** Milliseconds of measuring that count. */
  readonly duration: number;
  /** Fewer points of what is measured along a scale. */
  readonly quick: boolean;
  /** Wait for `proceed` once everything is warm, so that an observer can attach. */
  readonly hold: boolean;
  readonly serialization: 'json' | 'advanced';
  /** Node options of all processes. */
  readonly nodeOptions: readonly string[];
}

/** Named figures; the kinds say what each means. */
export type Metrics = Readonly<Record<string, number>>;

/** What one round of a case gives. */
export interface Measurement {
  readonly metrics: Metrics;
  /** Nanoseconds, encoded by `histogram.ts`. */
  readonly histograms?: Readonly<Record<string, string>>;
}

/** From the main process to the leading one, and (job only) on to the others. */
export type Command =
  | { bench: 'job'; job: Job }
  | { bench: 'proceed' }
  /** Measures once more; only after `warm`, and one at a time. */
  | { bench: 'measure' }
  /** Closes everything and ends. */
  | { bench: 'end' };

/** From the leading process to the main one. */
export type Report =
  | { bench: 'phase'; text: string }
  | { bench: 'second'; pid: number; index: number }
  | { bench: 'ready' }
  /** Everything is open and warm; `warmUp` is absent where nothing can be. */
  | { bench: 'warm'; warmUp?: WarmUp }
  | { bench: 'result'; measurement: Measurement }
  | { bench: 'failure'; text: string };

/** Between the leading process and another: a named question, and its answer. */
export type Ask = { bench: 'ask'; id: number; name: string; argument?: unknown };
export type Answer = { bench: 'answer'; id: number; value?: unknown; error?: string };

/** Any message of the harness. */
export type Control = Command | Report | Ask | Answer;

/** Whether a message on the channel is the harness's. A contender's own are handed to its listener. */
export function isControl(message: unknown): message is Control {
  return typeof message === 'object' && message !== null && 'bench' in message;
}

/** One end of a channel between processes or threads. */
export interface Endpoint {
  send(message: object, done?: (error: Error | null) => void): boolean;
  onMessage(listener: (message: unknown) => void): void;
}

/** What both `process` and a `ChildProcess` offer. */
interface Ipc {
  send?(
    message: object,
    handle: undefined,
    options: undefined,
    done?: (error: Error | null) => void,
  ): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** What both a `Worker` and a `MessagePort` offer. */
interface Port {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** Node's own channel between processes. */
export function ipcEndpoint(ipc: Ipc): Endpoint {
  return {
    send(message, done) {
      if (ipc.send === undefined) throw new Error('this process has no IPC channel');
      return ipc.send(message, undefined, undefined, done);
    },
    onMessage: (listener) => void ipc.on('message', listener),
  };
}

/** Between threads; it takes everything at once. */
export function portEndpoint(port: Port): Endpoint {
  return {
    send(message) {
      port.postMessage(message);
      return true;
    },
    onMessage: (listener) => void port.on('message', listener),
  };
}

/** Splits one channel: control messages to `onControl`, the rest to the contender's listener, or to who waits for the next. */
export function splitChannel(endpoint: Endpoint, onControl: (message: Control) => void): Channel {
  const early: unknown[] = [];
  const waiting: ((message: unknown) => void)[] = [];
  let listener: ((message: unknown) => void) | undefined;
  endpoint.onMessage((message) => {
    if (isControl(message)) return onControl(message);
    const next = waiting.shift() ?? listener;
    if (next === undefined) early.push(message);
    else next(message);
  });
  return {
    send: (message, done) => endpoint.send(message, done),
    onMessage(own) {
      listener = own;
      for (const message of early.splice(0)) own(message);
    },
    next: () =>
      early.length > 0
        ? Promise.resolve(early.shift())
        : new Promise((resolve) => {
            waiting.push(resolve);
          }),
  };
}

/** For a case whose ends have no channel between them. */
export const noChannel: Channel = {
  send() {
    throw new Error('the ends of this case have no channel between them');
  },
  onMessage: () => undefined,
  next: () => Promise.reject(new Error('the ends of this case have no channel between them')),
};
