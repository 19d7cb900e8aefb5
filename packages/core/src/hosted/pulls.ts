import { type DeliveryNumbers, Kind } from '../framing.js';
import type { Envelope, Selector } from '../message.js';
import { Delivery, type ReceiveOperation } from '../waiters.js';
import { OperationList } from '../waiting.js';
import { Numbered } from './numbered.js';
import { Returns } from './returns.js';
import type { Session } from './session.js';

/** Receives that ask for the same: whichever of their pulls is served, the first in line gets the message. */
class Line extends OperationList<ReceiveOperation> {
  /** The pulls out for this line, as many as it has receives. */
  readonly numbers: number[] = [];

  constructor(
    readonly wait: boolean,
    readonly max: number,
    readonly selector: Selector | null,
    /** What a receive must have to stand in this line; undefined: it stands alone. */
    readonly key?: string,
  ) {
    super();
  }

  forget(number: number): void {
    const at = this.numbers.indexOf(number);
    if (at >= 0) this.numbers.splice(at, 1);
  }
}

/**
 * The receives of this process that wait for a mailbox hosted elsewhere.
 *
 * A receive may give up while a message is on its way to it. The message then goes to the next receive in line here; only if
 * there is none does it go back to the host, and then so must all that stand behind it in the mailbox and were sent before
 * the host knew: this process would otherwise receive them out of order (R9).
 */
export class Pulls {
  private readonly out = new Numbered<Line>();
  private readonly anything = new Line(true, 1, null);
  /** All others in which receives stand. */
  private readonly lines = new Map<string | Line, Line>();
  private readonly returns = new Returns();
  private calls = 0;
  private silent = false;

  constructor(
    private readonly session: Session,
    private readonly channel: number,
  ) {}

  add(operation: ReceiveOperation): void {
    const line = this.lineOf(operation);
    operation.order = this.calls++;
    line.push(operation);
    this.ask(line);
  }

  cancel(operation: ReceiveOperation): void {
    const line = operation.list as unknown as Line | null;
    operation.withdrawn();
    if (line !== null) this.leave(line);
    const number = line?.numbers.pop();
    if (number === undefined) return;
    this.out.take(number);
    if (!this.silent) this.session.write((writer) => writer.frame(Kind.cancelPull, this.channel, number));
  }

  /** True when a receive here has the message; false: it goes back. */
  deliver(number: number, { order, returned }: DeliveryNumbers, envelope: Envelope): boolean {
    this.returns.notice(returned);
    const line = this.out.get(number);
    if (line?.max === 1) this.served(line, number);
    const early = this.returns.holdBack(order);
    const taken = !early && line?.first != null && line.first.deliver(envelope) === Delivery.taken;
    if (line !== undefined) this.leave(line);
    if (taken) return true;
    this.returns.add(order);
    // Behind the return, so that the host has the message again when it sees the new pull.
    if (line !== undefined) queueMicrotask(() => this.ask(line));
    return false;
  }

  /** A `try` found nothing, or all is sent that there was for several. */
  empty(number: number): void {
    const line = this.out.get(number);
    if (line === undefined) return;
    this.served(line, number);
    const operation = line.first;
    if (operation === null) return;
    // All that came for it had to go back.
    if (operation.wait && operation.hasNone) this.ask(line);
    else operation.empty();
    this.leave(line);
  }

  /** Asks for nothing more: the mailbox is moving. */
  stop(): void {
    this.silent = true;
  }

  /** Those that still wait, in the order of their calls. */
  drain(): ReceiveOperation[] {
    this.silent = true;
    const lines = [this.anything, ...this.lines.values()];
    return lines.flatMap((line) => line.drain()).sort((a, b) => a.order - b.order);
  }

  get idle(): boolean {
    return this.anything.size + this.lines.size === 0;
  }

  /** As many pulls as the line has receives. */
  private ask(line: Line): void {
    while (!this.silent && line.numbers.length < line.size) {
      const number = this.out.add(line);
      line.numbers.push(number);
      const { wait, max, selector } = line;
      this.session.write((writer) => writer.pull(this.channel, number, wait, max, selector));
    }
  }

  private served(line: Line, number: number): void {
    this.out.take(number);
    line.forget(number);
  }

  private lineOf({ wait, max, selector }: ReceiveOperation): Line {
    const shared = wait && max === 1;
    if (shared && selector === null) return this.anything;
    const key = shared ? JSON.stringify(selector) : undefined;
    let line = key === undefined ? undefined : this.lines.get(key);
    if (line === undefined) {
      line = new Line(wait, max, selector, key);
      this.lines.set(key ?? line, line);
    }
    return line;
  }

  /** Forgets a line in which no receive stands any more. */
  private leave(line: Line): void {
    const key = line.key ?? line;
    if (line.size === 0 && this.lines.get(key) === line) this.lines.delete(key);
  }
}
