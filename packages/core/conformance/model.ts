/**
 * A model test: random calls on one mailbox, each outcome checked against `model-state.ts`. The search is injected, so that
 * this package depends on no property-testing library. With fast-check:
 *
 * ```ts
 * await modelTest({ transport: 'uds', place: 'process', search: (run) =>
 *   fc.assert(fc.asyncProperty(fc.array(fc.nat(), { maxLength: 60 }), run), { numRuns: 50 }) });
 * ```
 */
import assert from 'node:assert/strict';
import type { ReceiverHandle, SenderHandle } from './handles.js';
import { Harness, type HarnessOptions, type MailboxPair } from './harness.js';
import { Calls } from './model-calls.js';
import { MailboxModel, type Sent, type WaitingSend, type Wanted } from './model-state.js';
import type { Party } from './party.js';
import type { AddressSpec, Place } from './surface.js';

export interface ModelOptions extends HarnessOptions {
  place: Place;
  /** Calls `run` with lists of natural numbers, each of which stands for one random run, and rejects if one rejects. */
  search(run: (choices: readonly number[]) => Promise<void>): Promise<void>;
}

/** Rejects with the first run (shrunk by the search) in which the mailbox does what the rules forbid. */
export async function modelTest({ place, search, ...options }: ModelOptions): Promise<void> {
  const harness = new Harness(options, place);
  let failed = true;
  try {
    const parties = await harness.group(3);
    await search((choices) => new ModelRun(harness, parties, choices).run());
    failed = false;
  } finally {
    await harness.dispose(failed);
  }
}

class ModelRun {
  private readonly senders = new Map<string, SenderHandle>();
  private readonly receivers = new Map<string, ReceiverHandle>();
  private readonly log: string[] = [];
  private readonly model: MailboxModel;
  private readonly calls: Calls;
  private readonly mailbox: AddressSpec & { kind: 'mailbox' };
  private readonly choices: number[];
  /** After each step messages are exchanged: to open mailboxes for them would be most of the work. */
  private readonly between: { a: MailboxPair; c: MailboxPair };
  private nextId = 0;

  constructor(
    private readonly t: Harness,
    private readonly parties: readonly [Party, Party, Party],
    choices: readonly number[],
  ) {
    this.choices = [...choices];
    const capacity = this.pick(t.capacities(0, 1, 3, 'unbounded'));
    const ordering = this.pick(t.lacks('priority') ? (['fifo'] as const) : (['fifo', 'priority'] as const));
    this.mailbox = t.mailbox({ capacity, ordering });
    this.model = new MailboxModel(capacity, ordering === 'priority');
    this.calls = new Calls(this.model, t.watchdog);
    this.between = { a: t.mailboxPair(), c: t.mailboxPair() };
  }

  async run(): Promise<void> {
    const [a, host, c] = this.parties;
    this.receivers.set(host.name, await host.receiver(this.mailbox));
    this.receivers.set(c.name, await c.receiver(this.mailbox));
    for (const party of [a, host]) this.senders.set(party.name, await party.sender(this.mailbox));
    await this.comeToRest();
    try {
      while (this.choices.length > 0) {
        await this.step();
        await this.comeToRest();
      }
      await this.finish();
    } catch (error) {
      throw new Error(
        `${(error as Error).message}\nafter:\n  ${this.log.join('\n  ')}\nmodel: ${this.model}`,
        { cause: error },
      );
    }
  }

  /** One of `options`, as the next number of the run says; the first when there are none left. */
  private pick<T>(options: readonly T[]): T {
    return options[(this.choices.shift() ?? 0) % options.length] as T;
  }

  private async step(): Promise<void> {
    const step = this.pick([
      'send',
      'receive',
      'trySend',
      'tryReceive',
      'abort',
      'select',
      'reopen',
      'briefly',
    ] as const);
    if (step === 'send') this.startSend(this.message());
    else if (step === 'receive') this.startReceive(this.wanted(), 'receive');
    else if (step === 'select') this.startReceive({ types: null, from: null }, 'select');
    else if (step === 'trySend') await this.trySend(this.message());
    else if (step === 'tryReceive') await this.tryReceive(this.wanted());
    else if (step === 'abort') await this.abort();
    else if (step === 'reopen') await this.reopen();
    else await this.receiveBriefly(this.wanted());
  }

  private message(): Sent {
    const sender = this.pick([...this.senders.keys()]);
    const type = this.t.lacks('type') ? 0 : this.pick([1, 2, 3]);
    return { id: this.nextId++, sender, type, priority: this.pick([0, 1, 5]) };
  }

  private wanted(): Wanted {
    const types = this.t.lacks('type') ? null : this.pick([null, null, [1], [2], ...this.several]);
    const from = this.t.lacks('selection') ? null : this.pick([null, null, null, ...this.senders.keys()]);
    return { types, from };
  }

  private get several(): number[][] {
    return this.t.lacks('selection') ? [] : [[2, 3]];
  }

  private marksOf({ type, priority }: Sent): { type?: number; priority: number } {
    return type === 0 ? { priority } : { type, priority };
  }

  private optionsOf({ types, from }: Wanted) {
    return { ...(types === null ? {} : { type: types }), ...(from === null ? {} : { from }) };
  }

  private startSend(message: Sent): void {
    const { id, sender, type, priority } = message;
    this.log.push(`send ${id} by ${sender}, type ${type}, priority ${priority}`);
    const handle = this.senders.get(sender) as SenderHandle;
    this.calls.start(sender, { message, handle: sender }, (signal) =>
      handle.send(id, { ...this.marksOf(message), signal }).then(() => null),
    );
  }

  private startReceive(wanted: Wanted, verb: 'receive' | 'select'): void {
    const name = this.pick([...this.receivers.keys()]);
    this.log.push(`${verb} by ${name} of ${JSON.stringify(wanted)}`);
    const receiver = this.receivers.get(name) as ReceiverHandle;
    const sources: AddressSpec[] = [{ kind: 'mailbox', name: this.mailbox.name }];
    if (!this.t.lacks('direct')) sources.push({ kind: 'anyPeer' });
    this.calls.start(verb === 'select' ? `select of ${name}` : name, { wanted }, async (signal) => {
      const taking =
        verb === 'receive'
          ? receiver.receive({ ...this.optionsOf(wanted), signal })
          : this.party(name)
              .select(sources, { signal })
              .then(({ message }) => message);
      return (await taking).body as number;
    });
  }

  private party(name: string): Party {
    return this.parties.find((each) => each.name === name) as Party;
  }

  private async trySend(message: Sent): Promise<void> {
    const { id, sender, type, priority } = message;
    const expected = this.model.takes(message);
    this.log.push(`trySend ${id} by ${sender}, type ${type}, priority ${priority}: must be ${expected}`);
    const accepted = await this.t.within(
      (this.senders.get(sender) as SenderHandle).trySend(id, this.marksOf(message)),
      'trySend',
    );
    assert.equal(accepted, expected, `trySend of ${id}`);
    if (!accepted) return;
    const send: WaitingSend = { message, handle: sender };
    if (this.model.capacity === 0) this.model.sends.push(send);
    else this.model.queue.push(message);
  }

  private async tryReceive(wanted: Wanted): Promise<void> {
    const name = this.pick([...this.receivers.keys()]);
    this.log.push(`tryReceive by ${name} of ${JSON.stringify(wanted)}`);
    const receiver = this.receivers.get(name) as ReceiverHandle;
    const message = await this.t.within(receiver.tryReceive(this.optionsOf(wanted)), 'tryReceive');
    if (message === null) assert.deepEqual(this.model.offered(wanted), [], 'tryReceive was null');
    else this.received(wanted, message.body as number);
  }

  private async receiveBriefly(wanted: Wanted): Promise<void> {
    const name = this.pick([...this.receivers.keys()]);
    this.log.push(`receive by ${name} of ${JSON.stringify(wanted)}, timeout 1`);
    const receiver = this.receivers.get(name) as ReceiverHandle;
    const [outcome] = await Promise.allSettled([receiver.receive({ ...this.optionsOf(wanted), timeout: 1 })]);
    // However slow the machine, it took a message it could have, or none.
    if (outcome.status === 'fulfilled') this.received(wanted, outcome.value.body as number);
    else assert.equal((outcome.reason as { code?: string }).code, 'ERR_TIMEOUT', String(outcome.reason));
  }

  private received(wanted: Wanted, id: number): void {
    assert.ok(
      this.model.canGive(wanted, id),
      `received ${id}; ${JSON.stringify(wanted)} may get ${JSON.stringify(this.model.offered(wanted))}`,
    );
    this.model.give(id);
  }

  private async abort(): Promise<void> {
    const call = this.calls.all.length === 0 ? undefined : this.pick(this.calls.all);
    if (call === undefined) return;
    this.log.push(`abort a call of ${call.handle}`);
    await this.calls.abort(call);
  }

  private async reopen(): Promise<void> {
    const [a, host, c] = this.parties;
    const name = this.pick([a.name, host.name, c.name]);
    // The host keeps its receiver: another would have to inherit first.
    const sends = name !== c.name;
    this.log.push(`reopen the ${sends ? 'sender' : 'receiver'} of ${name}`);
    const closed = this.calls.all.filter(
      ({ handle, waits }) => handle === name && 'message' in waits === sends,
    );
    const handle = (sends ? this.senders : this.receivers).get(name) as SenderHandle | ReceiverHandle;
    await this.t.within(handle.close(), 'close of a handle');
    for (const call of closed)
      await this.calls.withdrawn(call, (error) => (error as { code?: string }).code === 'ERR_CLOSED');
    if (sends) this.senders.set(name, await this.party(name).sender(this.mailbox));
    else this.receivers.set(name, await this.party(name).receiver(this.mailbox));
  }

  /** Waits for all that must happen now, checks that each thing may, and then that nothing else has. */
  private async comeToRest(): Promise<void> {
    const settled = () => {
      this.calls.explain();
      return this.calls.atRest;
    };
    await this.t.until(settled, `the mailbox to do what it must: ${this.model}`);
    const [a, host, c] = this.parties;
    // Twice, so that what a message of the first round provoked has been seen, too.
    await this.t.exchange(a, host, 1, this.between.a);
    await this.t.exchange(c, host, 2, this.between.c);
    assert.ok(this.calls.atRest, 'a call settled that had to wait');
  }

  private async finish(): Promise<void> {
    for (const call of [...this.calls.all]) await this.calls.abort(call);
    this.log.push('drain');
    const receiver = [...this.receivers.values()][0] as ReceiverHandle;
    for (let message = await receiver.tryReceive(); message !== null; message = await receiver.tryReceive())
      this.received({ types: null, from: null }, message.body as number);
    assert.deepEqual(this.model.queue, [], 'accepted, but not there');
    for (const handle of [...this.senders.values(), ...this.receivers.values()]) await handle.close();
  }
}
