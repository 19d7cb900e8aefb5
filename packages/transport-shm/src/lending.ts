import type { Lent } from '@pigeonhole/core/transport';
import type { ShmMailbox } from '@pigeonhole/native';

const NOTHING = new Uint8Array(0);

/** A block of this process's lane that the application writes a body into. */
export class SharedLoan implements Lent {
  private view: ArrayBuffer | null;
  private over = false;

  private constructor(
    private readonly shared: ShmMailbox,
    /** What the addon calls it. */
    readonly number: number,
    view: ArrayBuffer,
  ) {
    this.view = view;
  }

  /** Null where the runtime cannot show memory of others. Throws a fault when there is none. */
  static take(shared: ShmMailbox, size: number): SharedLoan | null {
    const number = shared.lend(size);
    const view = shared.loanView(number);
    if (view !== null) return new SharedLoan(shared, number, view);
    shared.dropLoan(number);
    return null;
  }

  open(): Uint8Array {
    this.view ??= this.shared.loanView(this.number) as ArrayBuffer;
    return new Uint8Array(this.view);
  }

  seal(): Uint8Array {
    if (this.view !== null) this.shared.closeView(this.view);
    this.view = null;
    return NOTHING;
  }

  /** Its message is in the ledger, and the block with it. */
  sent(): void {
    this.over = true;
  }

  drop(): void {
    this.seal();
    if (!this.over) this.shared.dropLoan(this.number);
    this.over = true;
  }
}
