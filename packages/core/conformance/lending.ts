/** Bodies written and read in place, as the suite drives them: handles that stay where the memory is, digests that travel. */
import { existsSync, writeFileSync } from 'node:fs';
import type { Message } from '../src/message.js';
import { digestOf, makeBytes } from './fixtures.js';
import type {
  LoanUnderTest,
  ReceiveOptions,
  ReceiverUnderTest,
  SenderUnderTest,
  SendOptions,
} from './surface.js';

export type CommitVerb = 'commit' | 'tryCommit' | 'commitSync' | 'tryCommitSync' | 'cancel';

export type LendingOperation =
  | { op: 'loan'; size: number; seed?: number }
  | { op: 'commit'; loan: number; verb: CommitVerb; options?: SendOptions }
  | { op: 'lent'; loan: number }
  | { op: 'borrow'; options?: ReceiveOptions; fails?: string; while?: string };

export interface Committed {
  /** What the verb gave. */
  readonly outcome: boolean | undefined;
  /** Bytes that can be reached through a view that was kept from before, and through the loan. */
  readonly kept: number;
  readonly left: number;
}

export interface BorrowedReport {
  /** Of the body, while it was read. */
  readonly digest: string;
  readonly from: string;
  readonly type: number | undefined;
  /** Bytes that could be reached through a view that was kept, once the body was given back. */
  readonly kept: number;
}

/** The loans and borrowed bodies of one runtime. */
export class Lending {
  private readonly loans: { readonly loan: LoanUnderTest; readonly kept: Uint8Array }[] = [];

  loan(sender: SenderUnderTest, size: number, seed = size): number {
    const loan = sender.loan(size);
    loan.bytes.set(makeBytes(size, seed));
    return this.loans.push({ loan, kept: loan.bytes }) - 1;
  }

  async commit(number: number, verb: CommitVerb, options: SendOptions): Promise<Committed> {
    const { loan, kept } = this.at(number);
    const outcome = verb === 'cancel' ? loan.cancel() : await loan[verb](options);
    return { outcome: outcome as boolean | undefined, kept: kept.length, left: loan.bytes.length };
  }

  /** Of what the loan shows now. */
  lent(number: number): string {
    return digestOf(this.at(number).loan.bytes);
  }

  /** With `while`, makes that file once it reads, and reads until there is one of that name and `.end`. */
  async borrow(
    receiver: ReceiverUnderTest,
    options: ReceiveOptions,
    { fails, while: file }: { fails?: string; while?: string },
  ): Promise<BorrowedReport> {
    let kept = new Uint8Array(0);
    const read = async ({ body, from, type }: Message): Promise<Omit<BorrowedReport, 'kept'>> => {
      kept = body as Uint8Array<ArrayBuffer>;
      const digest = digestOf(kept);
      if (fails !== undefined) throw new Error(fails);
      if (file !== undefined) await whileThereIsNoEndOf(file);
      return { digest, from, type };
    };
    const report = await receiver.borrow(read, options);
    return { ...report, kept: kept.length };
  }

  private at(number: number): { readonly loan: LoanUnderTest; readonly kept: Uint8Array } {
    const found = this.loans[number];
    if (found === undefined) throw new Error(`no loan has number ${number}`);
    return found;
  }
}

async function whileThereIsNoEndOf(file: string): Promise<void> {
  writeFileSync(file, '');
  while (!existsSync(`${file}.end`)) await new Promise((resolve) => setTimeout(resolve, 5));
}
