// A vitest reporter that ends a run in which a test file has stopped reporting, and names what it waited for.
// Vitest's own timeouts run in the event loop of the worker: a test that blocks that loop would hang for ever.

const LIMIT = 300_000; // ms; a test and each of its hooks may take 90 s

export default class Watchdog {
  #files = new Map(); // module id → { last: when it last reported, running: tests that have not ended, ended: the last that has }
  #timer;

  onTestRunStart() {
    this.#timer = setInterval(() => this.#check(), 5_000);
  }

  onTestModuleStart({ moduleId }) {
    this.#files.set(moduleId, { last: Date.now(), running: new Set() });
  }

  onTestModuleEnd({ moduleId }) {
    this.#files.delete(moduleId);
  }

  onTestCaseReady(test) {
    this.#reported(test)?.running.add(test.fullName);
  }

  onTestCaseResult(test) {
    const file = this.#reported(test);
    file?.running.delete(test.fullName);
    if (file) file.ended = test.fullName;
  }

  onTestRunEnd() {
    clearInterval(this.#timer);
  }

  #reported(test) {
    const file = this.#files.get(test.module.moduleId);
    if (file) file.last = Date.now();
    return file;
  }

  #check() {
    for (const [id, { last, running, ended }] of this.#files) {
      if (Date.now() - last < LIMIT) continue;
      // A test that blocks its worker at once is not reported as running: it is the one after the last that ended.
      const where = `Running: ${[...running].join('; ') || 'unknown'}. Last ended: ${ended ?? 'none'}`;
      console.error(`\nwatchdog: ${id} has not reported for ${LIMIT / 1000} s. ${where}`);
      process.exit(1); // whoever started vitest kills the workers, which may not answer
    }
  }
}
