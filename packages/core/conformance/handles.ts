/** Handles and loops of a party: the same verbs, one level down. */
import type { Message } from '../src/message.js';
import type { Target } from './executor.js';
import type { BorrowedReport, Committed, CommitVerb } from './lending.js';
import type { Party } from './party.js';
import type { CallOptions, ReceiveOptions, SendOptions } from './surface.js';

export type SendExtras = SendOptions & { mutate?: boolean };
export type ReceiveExtras = ReceiveOptions & { digest?: boolean };

export class SenderHandle {
  readonly target: Target;
  constructor(
    private readonly party: Party,
    handle: number,
  ) {
    this.target = { handle };
  }

  send(body: unknown, options: SendExtras = {}): Promise<void> {
    return sendBy(this.party, this.target, 'send', body, options) as Promise<void>;
  }

  trySend(body: unknown, options: SendExtras = {}): Promise<boolean> {
    return sendBy(this.party, this.target, 'trySend', body, options) as Promise<boolean>;
  }

  sendSync(body: unknown, options: SendExtras = {}): Promise<void> {
    return sendBy(this.party, this.target, 'sendSync', body, options) as Promise<void>;
  }

  trySendSync(body: unknown, options: SendExtras = {}): Promise<boolean> {
    return sendBy(this.party, this.target, 'trySendSync', body, options) as Promise<boolean>;
  }

  sendMany(bodies: readonly unknown[], options: SendOptions = {}): Promise<void> {
    return this.party.call(
      { op: 'sendMany', target: this.target, bodies, options: unsigned(options) },
      options,
    );
  }

  /** Takes a loan of `size` bytes and writes `makeBytes(size, seed)` into it: its number. */
  loan(size: number, seed = size): Promise<number> {
    return this.party.call({ op: 'loan', target: this.target, size, seed });
  }

  commit(loan: number, verb: CommitVerb = 'commit', options: SendOptions = {}): Promise<Committed> {
    const { target } = this;
    return this.party.call({ op: 'commit', target, loan, verb, options: unsigned(options) }, options);
  }

  /** Digest of what the loan shows now. */
  lent(loan: number): Promise<string> {
    return this.party.call({ op: 'lent', target: this.target, loan });
  }

  close(how: { twice?: boolean; dispose?: boolean } = {}): Promise<void> {
    return this.party.call({ op: 'close', target: this.target, ...how });
  }
}

export class ReceiverHandle {
  readonly target: Target;
  constructor(
    private readonly party: Party,
    handle: number,
  ) {
    this.target = { handle };
  }

  receive(options: ReceiveExtras = {}): Promise<Message> {
    return receiveBy(this.party, this.target, 'receive', options) as Promise<Message>;
  }

  tryReceive(options: ReceiveExtras = {}): Promise<Message | null> {
    return receiveBy(this.party, this.target, 'tryReceive', options);
  }

  receiveSync(options: ReceiveExtras = {}): Promise<Message> {
    return receiveBy(this.party, this.target, 'receiveSync', options) as Promise<Message>;
  }

  tryReceiveSync(options: ReceiveExtras = {}): Promise<Message | null> {
    return receiveBy(this.party, this.target, 'tryReceiveSync', options);
  }

  receiveMany(max: number, options: ReceiveOptions = {}): Promise<Message[]> {
    return this.party.call(
      { op: 'receiveMany', target: this.target, max, options: unsigned(options) },
      options,
    );
  }

  /** What the reader saw. It throws `fails`; or, once it has made the file `while`, reads until there is one of that name and `.end`. */
  borrow(options: ReceiveOptions & { fails?: string; while?: string } = {}): Promise<BorrowedReport> {
    const { fails, while: file, ...rest } = options;
    const { target } = this;
    const how = { ...(fails === undefined ? {} : { fails }), ...(file === undefined ? {} : { while: file }) };
    return this.party.call({ op: 'borrow', target, options: unsigned(rest), ...how }, rest);
  }

  /** Takes `count` messages with `for await`. */
  iterate(count: number): Promise<Message[]> {
    return this.party.call({ op: 'iterate', target: this.target, count });
  }

  close(how: { twice?: boolean; dispose?: boolean } = {}): Promise<void> {
    return this.party.call({ op: 'close', target: this.target, ...how });
  }
}

export class RunningLoop<Report> {
  constructor(
    readonly party: Party,
    private readonly loop: number,
  ) {}

  progress(): Promise<number> {
    return this.party.call({ op: 'progress', loop: this.loop });
  }

  /** Resolves when the loop ends by itself. */
  report(): Promise<Report> {
    return this.party.call({ op: 'report', loop: this.loop });
  }

  stop(): Promise<Report> {
    return this.party.call({ op: 'stop', loop: this.loop });
  }
}

export function unsigned<Options extends CallOptions>({
  signal: _,
  ...options
}: Options): Omit<Options, 'signal'> {
  return options;
}

type SendVerb = 'send' | 'trySend' | 'sendSync' | 'trySendSync';
export function sendBy(
  party: Party,
  target: Target,
  op: SendVerb,
  body: unknown,
  extras: SendExtras,
): Promise<unknown> {
  const { mutate = false, ...options } = extras;
  return party.call({ op, target, body, options: unsigned(options), mutate }, options);
}

type ReceiveVerb = 'receive' | 'tryReceive' | 'receiveSync' | 'tryReceiveSync';
export function receiveBy(
  party: Party,
  target: Target,
  op: ReceiveVerb,
  extras: ReceiveExtras,
): Promise<Message | null> {
  const { digest = false, ...options } = extras;
  return party.call({ op, target, options: unsigned(options), digest }, options);
}
