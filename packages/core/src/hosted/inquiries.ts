import { PigeonholeError } from '../errors.js';
import type { Frame } from '../frame-parser.js';
import { Kind, parseJson } from '../framing.js';
import { isName } from '../naming.js';
import type { ClaimState } from '../registry/registry.js';
import type { Session } from './session.js';

/** What a process answers for itself: whether it hosts a mailbox, or is about to. */
export interface InquiriesOwner {
  claimOf(mailbox: string): ClaimState | null;
  /** The other side has begun (`hosts`) or ceased to host this mailbox. */
  news(session: Session, mailbox: string, hosts: boolean): void;
}

/**
 * Claims between processes that share no directory: each is asked for its own, over the link. A question that the link does not
 * survive has no answer.
 */
export class Inquiries {
  private readonly asked = new Map<number, (answer: ClaimState | null | undefined) => void>();
  private next = 1;

  constructor(
    private readonly session: Session,
    private readonly owner: InquiriesOwner,
  ) {}

  /** What the other side says of its own claim; undefined when the link ends first. */
  ask(mailbox: string): Promise<ClaimState | null | undefined> {
    if (!this.session.open) return Promise.resolve(undefined);
    const number = this.next;
    this.next = (number % 0xffff_ffff) + 1;
    this.session.write((writer) => writer.json(Kind.ask, 0, number, { mailbox }));
    return new Promise((resolve) => this.asked.set(number, resolve));
  }

  tell(mailbox: string, hosts: boolean): void {
    this.session.write((writer) => writer.json(Kind.news, 0, 0, { mailbox, hosts }));
  }

  onFrame({ kind, number, rest }: Frame): void {
    const { mailbox, hosts, claim, transport } = parseJson(rest);
    if (kind === Kind.answer) {
      const answered = this.asked.get(number);
      this.asked.delete(number);
      return answered?.(answerOf(claim, transport));
    }
    if (!isName(mailbox)) throw new PigeonholeError('ERR_FRAME', 'a question or news about no mailbox');
    if (kind === Kind.news) return this.owner.news(this.session, mailbox, hosts === true);
    const own = this.owner.claimOf(mailbox);
    this.session.write((writer) => writer.json(Kind.answer, 0, number, own ?? { claim: null }));
  }

  /** The link is over. */
  end(): void {
    for (const answered of this.asked.values()) answered(undefined);
    this.asked.clear();
  }
}

function answerOf(claim: unknown, transport: unknown): ClaimState | null {
  if (claim === null) return null;
  if ((claim !== 'owned' && claim !== 'raised') || typeof transport !== 'string')
    throw new PigeonholeError('ERR_FRAME', 'an answer that says neither who hosts nor that nobody does');
  return { claim, transport };
}
