import { PigeonholeError } from '../errors.js';
import { Due } from './deadlines.js';
import { type ActorRequest, Control, encodeError, Request } from './protocol.js';
import { describeError } from './remote-error.js';
import type { ActorSystem } from './system.js';

/** One message being handled: its caller, whether that has been answered, and the signal of its context. */
export class Turn extends Due {
  /** Put aside by `ctx.stash`. */
  stashed = false;
  /** @internal the caller has its reply, or the end of its stream */
  answered = false;
  private announced = false;
  /** Its handler has not finished at once, and not yet. */
  lasting = false;
  private controller: AbortController | null = null;
  private abortReason: PigeonholeError | undefined;
  private givenUp = false;
  /** What else ends when it is aborted: a stream. */
  onAbort: ((reason: PigeonholeError) => void) | null = null;
  /** The reader of a stream has room for more. */
  onCredit: ((count: number) => void) | null = null;

  /** @param until when the reply is of no more use, on the actors' clock */
  constructor(
    readonly request: ActorRequest,
    readonly from: string,
    readonly until: number,
    private readonly system: ActorSystem,
    private readonly exposeStacks: boolean,
  ) {
    super();
  }

  /** Whether somebody waits for the outcome. */
  get asked(): boolean {
    return this.request.kind === Request.ask && !this.answered;
  }

  get aborted(): boolean {
    return this.abortReason !== undefined;
  }

  /** Aborted because nobody waits for the outcome any more. */
  get abandoned(): boolean {
    return this.givenUp;
  }

  private get expired(): boolean {
    return this.until <= this.system.clock.now();
  }

  get signal(): AbortSignal {
    if (this.controller === null) {
      this.controller = new AbortController();
      if (this.abortReason !== undefined) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  /** Its handler has not finished at once: from now on its caller can be told who works on it, and can stop it. */
  lasts(actor: string): void {
    if (this.request.kind !== Request.ask) return;
    this.lasting = true;
    this.system.announcing.add(this, actor);
  }

  /** Its caller is told in so many milliseconds, if it lasts so long. */
  announceIn(delay: number): void {
    if (delay > 0 && !this.expired) this.system.deadlines.add(this, Math.min(delay, this.left()));
    else this.expire();
  }

  /** The handler is done, whatever its outcome. */
  over(): void {
    this.lasting = false;
    this.system.deadlines.remove(this);
    if (this.announced) this.system.incoming.forget(this);
    this.announced = false;
  }

  expire(): void {
    if (this.expired)
      this.abandon(new PigeonholeError('ERR_TIMEOUT', 'the deadline of the caller has passed'));
    else if (!this.announced) {
      this.announce();
      if (this.announced && this.until !== Number.POSITIVE_INFINITY)
        this.system.deadlines.add(this, this.left());
    }
  }

  /** Tells the caller who works on it. A caller that is gone needs no work. */
  announce(): void {
    const { replyTo, id } = this.request;
    if (this.system.isDead(replyTo)) {
      this.abandon(new PigeonholeError('ERR_PEER_DOWN', `process '${this.from}', which asked, has ended`));
      return;
    }
    this.announced = true;
    this.system.incoming.remember(this);
    this.system.control.post(replyTo, [Control.working, id, this.system.incarnation]);
  }

  /** Nobody waits for the outcome any more. */
  abandon(reason: PigeonholeError): void {
    this.givenUp = true;
    this.abort(reason);
  }

  abort(reason: PigeonholeError): void {
    if (this.abortReason !== undefined) return;
    this.abortReason = reason;
    this.controller?.abort(this.abortReason);
    this.onAbort?.(this.abortReason);
  }

  reply(value: unknown): void {
    if (!this.asked) return;
    this.answered = true;
    this.system.announcing.flush();
    const { replyTo, id } = this.request;
    this.system.control.post(replyTo, [Control.reply, id, value], (error) => this.failReply(error));
  }

  /** Tells the caller of an `ask` or stream what was thrown. */
  refuse(thrown: unknown): void {
    if (this.answered || this.request.kind === Request.tell) return;
    this.answered = true;
    this.system.announcing.flush();
    this.failReply(thrown);
  }

  private failReply(thrown: unknown): void {
    const { replyTo, id } = this.request;
    const error = describeError(thrown, this.exposeStacks);
    const { control } = this.system;
    // What came with the error may be what cannot be sent.
    control.post(replyTo, [Control.error, id, encodeError(error)], () =>
      control.post(replyTo, [Control.error, id, encodeError({ ...error, data: undefined })]),
    );
  }

  private left(): number {
    return Math.max(0, this.until - this.system.clock.now());
  }
}

/** A turn of which nobody waits for the outcome, and which no message has brought. */
export function tellTurn(handler: string, arg: unknown, from: string, system: ActorSystem): Turn {
  const forEver = Number.POSITIVE_INFINITY;
  const request: ActorRequest = {
    kind: Request.tell,
    handler,
    arg,
    headers: null,
    replyTo: '',
    id: 0,
    deadline: forEver,
    credit: 0,
  };
  return new Turn(request, from, forEver, system, false);
}
