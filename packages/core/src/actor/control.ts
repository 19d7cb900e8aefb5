import { PigeonholeError } from '../errors.js';
import type { Message } from '../message.js';
import { pace } from '../pace.js';
import type { Receiver } from '../receiver.js';
import type { Sender } from '../sender.js';
import type { SendOperation } from '../waiters.js';
import type { WaitOptions } from '../waiting.js';
import type { ActorRuntime } from './actor-runtime.js';
import { controlMailbox } from './protocol.js';

/** So long a message waits for a process that this one has not (yet, or any more) heard of: milliseconds. */
export const STRANGER_PATIENCE = 5_000;

const NO_OPTIONS: WaitOptions = Object.freeze({});

/** This runtime's control mailbox, and the way to those of others. Nothing here waits for another process to be done. */
export class ControlLine {
  private readonly lines = new Map<string, Sender<unknown>>();
  private receiver: Receiver<unknown> | null = null;
  private opening: Promise<void> | null = null;
  private underWay = 0;
  private onIdle: (() => void) | null = null;
  private closed = false;
  private readonly posted = (): void => {
    if (--this.underWay === 0) this.onIdle?.();
  };

  constructor(
    private readonly runtime: ActorRuntime,
    private readonly take: (from: string, body: unknown) => void,
    private readonly isDead: (incarnation: string) => boolean,
  ) {}

  /** Opens the mailbox at the first call; rejects if it cannot be opened, and tries again the next time. */
  open(): Promise<void> {
    this.opening ??= this.start().catch((error) => {
      this.opening = null;
      throw error;
    });
    return this.opening;
  }

  private async start(): Promise<void> {
    this.receiver = await this.runtime.receiver(controlMailbox(this.runtime.incarnation));
    void this.listen(this.receiver);
  }

  private async listen(receiver: Receiver<unknown>): Promise<void> {
    for (;;) {
      try {
        const { from, body } = receiver.takeNow(null) ?? ((await receiver.wait(null)) as Message<unknown>);
        this.take(from, body);
      } catch (error) {
        if (this.closed || (error as PigeonholeError).code === 'ERR_CLOSED') return;
        this.runtime.warn(error as Error);
        if ((error as PigeonholeError).code !== 'ERR_CORRUPT') return;
      }
      if (!pace.free()) await new Promise<void>((resolve) => pace.later(resolve));
    }
  }

  /** Sends without waiting. `failed` hears of a body that cannot be sent; a process that is gone needs nothing. */
  post(incarnation: string, body: readonly unknown[], failed?: (error: unknown) => void): void {
    if (this.closed) return;
    const line = this.lines.get(incarnation);
    if (line !== undefined) this.put(line, body, failed);
    else if (this.isDead(incarnation)) return;
    else if (this.knows(incarnation)) this.put(this.line(incarnation), body, failed);
    else this.postToStranger(incarnation, body, failed);
  }

  private put(
    line: Sender<unknown>,
    body: readonly unknown[],
    failed: ((error: unknown) => void) | undefined,
  ): void {
    let operation: SendOperation | null;
    try {
      operation = line.put(body, 0, NO_OPTIONS);
    } catch (error) {
      if (isAboutBody(error)) failed?.(error);
      return;
    }
    if (operation !== null) this.await(line, operation, failed);
  }

  private await(line: Sender<unknown>, operation: SendOperation, failed?: (error: unknown) => void): void {
    this.underWay++;
    line.outcome(operation, NO_OPTIONS).then(this.posted, (error: unknown) => {
      if (isAboutBody(error)) failed?.(error);
      this.posted();
    });
  }

  private postToStranger(
    incarnation: string,
    body: readonly unknown[],
    failed: ((error: unknown) => void) | undefined,
  ): void {
    const line = this.runtime.senderSoon(controlMailbox(incarnation));
    this.underWay++;
    line
      .send(body, { timeout: STRANGER_PATIENCE })
      .catch((error: unknown) => {
        if (isAboutBody(error)) failed?.(error);
      })
      .finally(() => {
        void line.close();
        this.posted();
      });
  }

  private line(incarnation: string): Sender<unknown> {
    let line = this.lines.get(incarnation);
    if (line === undefined) {
      line = this.runtime.senderSoon(controlMailbox(incarnation));
      this.lines.set(incarnation, line);
    }
    return line;
  }

  private knows(incarnation: string): boolean {
    return (
      incarnation === this.runtime.incarnation ||
      this.runtime.peers().some((peer) => peer.incarnation === incarnation)
    );
  }

  /** That process is dead: what waits for it is dropped. */
  down(incarnation: string): void {
    const line = this.lines.get(incarnation);
    this.lines.delete(incarnation);
    void line?.close();
  }

  /** As `post`, to a process that may never open its mailbox: nobody waits for it. */
  announce(incarnation: string, body: readonly unknown[]): void {
    if (this.closed || this.isDead(incarnation)) return;
    this.line(incarnation)
      .send(body)
      .catch(() => {});
  }

  /** Resolves when everything posted has been accepted or dropped. */
  async flush(): Promise<void> {
    while (this.underWay > 0)
      await new Promise<void>((resolve) => {
        this.onIdle = resolve;
      });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.opening?.catch(() => {});
    await Promise.all([this.receiver?.close(), ...[...this.lines.values()].map((line) => line.close())]);
  }
}

function isAboutBody(error: unknown): boolean {
  return (
    error instanceof PigeonholeError &&
    ['ERR_UNSERIALIZABLE', 'ERR_TOO_LARGE', 'ERR_NO_SPACE'].includes(error.code)
  );
}
