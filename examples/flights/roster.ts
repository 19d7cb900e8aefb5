type Listener = () => void;

/** What the reader knows about the enrichers, and waiting until it knows more. */
export class Roster {
  readonly #ready = new Set<string>();
  readonly #down = new Set<string>();
  readonly #drained = new Map<string, number>();
  readonly #listeners = new Set<Listener>();

  constructor(readonly names: readonly string[]) {}

  markReady(name: string): void {
    this.#ready.add(name);
    this.#notify();
  }

  markDrained(name: string, round: number): void {
    this.#drained.set(name, round);
    this.#notify();
  }

  /** For ever: a process does not come back in a run. Names that are no enricher's are ignored. */
  markDown(name: string): void {
    if (!this.names.includes(name)) return;
    this.#down.add(name);
    this.#notify();
  }

  get live(): string[] {
    return this.names.filter((name) => !this.#down.has(name));
  }

  get down(): string[] {
    return this.names.filter((name) => this.#down.has(name));
  }

  /** Resolves when `name` has opened the mailbox, or has died. */
  async settledStart(name: string): Promise<void> {
    await this.#until(() => this.#ready.has(name) || this.#down.has(name));
  }

  /** Resolves when each of `asked` has answered `round` or has died; `true` if none of them died. */
  async settledRound(asked: readonly string[], round: number): Promise<boolean> {
    await this.#until(() => asked.every((name) => this.#down.has(name) || this.#drained.get(name) === round));
    return !asked.some((name) => this.#down.has(name));
  }

  /** Resolves when `name` has died. */
  async death(name: string): Promise<void> {
    await this.#until(() => this.#down.has(name));
  }

  /** Resolves when no enricher is alive. */
  async extinction(): Promise<void> {
    await this.#until(() => this.live.length === 0);
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const listener = (): void => {
        if (!condition()) return;
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }
}
