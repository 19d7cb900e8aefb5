/** What the suites need of a test runner. */
export interface Runner {
  describe(name: string, define: () => void): void;
  test(name: string, run: () => Promise<void>, timeout?: number): void;
  /** Present: agents serve one test after another, and end here. Absent: every test starts its own. */
  afterAll?(run: () => Promise<void>): void;
}
