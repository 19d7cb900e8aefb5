/** The calls of a model run that are under way, and what their outcomes mean to the model. */
import assert from 'node:assert/strict';
import type { MailboxModel, WaitingReceive, WaitingSend } from './model-state.js';
import type { Watchdog } from './watchdog.js';

/** What the call waits for in the model, and how it came out. */
export interface Call {
  readonly waits: WaitingSend | WaitingReceive;
  readonly handle: string;
  readonly controller: AbortController;
  readonly outcome: Promise<void>;
  settled: { id: number | null } | { error: unknown } | null;
}

export class Calls {
  readonly all: Call[] = [];

  constructor(
    private readonly model: MailboxModel,
    private readonly watchdog: Watchdog,
  ) {}

  start(handle: string, waits: Call['waits'], begin: (signal: AbortSignal) => Promise<number | null>): void {
    if ('message' in waits) this.model.sends.push(waits);
    else this.model.receives.push(waits);
    const controller = new AbortController();
    const call: Call = {
      waits,
      handle,
      controller,
      settled: null,
      outcome: begin(controller.signal).then(
        (id) => {
          call.settled = { id };
        },
        (error: unknown) => {
          call.settled = { error };
        },
      ),
    };
    this.all.push(call);
  }

  async abort(call: Call): Promise<void> {
    call.controller.abort(new Error('aborted by the model'));
    await this.withdrawn(call, (error) => error === call.controller.signal.reason);
  }

  /** Asserts that a call that could not be served rejects, now that it was given up, as it must. */
  async withdrawn(call: Call, isExpected: (error: unknown) => boolean): Promise<void> {
    await this.watchdog.within(call.outcome, 'a call that was given up to settle');
    const { settled } = call;
    assert.ok(
      settled !== null && 'error' in settled,
      'a call that had to wait was served when it was given up',
    );
    assert.ok(isExpected(settled.error), `given up, it rejected with ${settled.error}`);
    this.forget(call);
  }

  /** Nothing must happen any more, and nothing has happened that the model does not know. */
  get atRest(): boolean {
    const { sends } = this.model;
    const isWaiting = ({ waits, settled }: Call) =>
      settled === null && (!('message' in waits) || sends.includes(waits));
    return !this.model.restless && this.all.every(isWaiting);
  }

  /** Applies what has settled to the model, in an order in which each step is allowed. Throws if there is none. */
  explain(): void {
    for (let done = this.settled(); done.length > 0; done = this.settled())
      if (!done.some((call) => this.explains(call))) {
        // At capacity 0 a send may be heard of before its receive; anything else is wrong.
        assert.ok(
          this.model.restless,
          `no rule allows what settled: ${JSON.stringify(done, ['waits', 'message', 'id', 'settled'])}`,
        );
        return;
      }
  }

  private settled(): Call[] {
    return this.all.filter(({ settled }) => settled !== null);
  }

  private explains(call: Call): boolean {
    const { waits, settled } = call;
    if (settled === null) return false;
    assert.ok(!('error' in settled), `a waiting call rejected: ${'error' in settled ? settled.error : ''}`);
    return 'message' in waits
      ? this.explainsSend(call, waits)
      : this.explainsReceive(call, waits, settled.id as number);
  }

  private explainsSend(call: Call, send: WaitingSend): boolean {
    const waits = this.model.sends.includes(send);
    if (waits && !this.model.canAccept(send)) return false;
    if (waits) this.model.accept(send);
    this.all.splice(this.all.indexOf(call), 1);
    return true;
  }

  private explainsReceive(call: Call, receive: WaitingReceive, id: number): boolean {
    if (!this.model.canGive(receive.wanted, id)) {
      // Received while its send is still under way: then it has been accepted.
      const send = this.model.acceptable().find(({ message }) => message.id === id);
      if (send === undefined) return false;
      this.model.accept(send);
      if (!this.model.canGive(receive.wanted, id)) return false;
    }
    this.model.give(id);
    this.forget(call);
    return true;
  }

  private forget(call: Call): void {
    this.all.splice(this.all.indexOf(call), 1);
    const { sends, receives } = this.model;
    if (!('message' in call.waits)) receives.splice(receives.indexOf(call.waits), 1);
    else if (sends.includes(call.waits)) sends.splice(sends.indexOf(call.waits), 1);
  }
}
