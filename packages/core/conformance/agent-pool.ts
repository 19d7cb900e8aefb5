/**
 * Agents that have done their work in one test and serve the next: starting them is most of what a suite would spend. Each has
 * proved that nothing of its last runtime keeps it alive, and in the end has to show it by ending.
 */
import assert from 'node:assert/strict';
import type { Agent } from './spawn.js';
import type { Place } from './surface.js';
import type { Watchdog } from './watchdog.js';

/** Idle agents of one place; more are not worth their memory. */
const MOST = 6;

export class AgentPool {
  private readonly idle: { place: Place; agent: Agent }[] = [];
  private readonly deaths: string[] = [];

  take(place: Place): Agent | undefined {
    const at = this.idle.findIndex((each) => each.place === place);
    return at === -1 ? undefined : this.idle.splice(at, 1)[0]?.agent;
  }

  hasRoom(place: Place): boolean {
    return this.missing(place, MOST) > 0;
  }

  /** How many more of a place there have to be for `count`, or for as many as are kept. */
  missing(place: Place, count: number): number {
    const idle = this.idle.filter((each) => each.place === place).length;
    return Math.max(0, Math.min(count, MOST) - idle);
  }

  /** `agent` is new or renewed, and nobody's. */
  give(place: Place, agent: Agent): void {
    const entry = { place, agent };
    this.idle.push(entry);
    void agent.gone.then(({ code, signal }) => {
      const at = this.idle.indexOf(entry);
      if (at === -1) return;
      this.idle.splice(at, 1);
      this.deaths.push(`an idle agent ended with ${signal ?? code}: ${agent.stderr()}`);
    });
  }

  /** Lets every idle agent end by itself. Rejects if one does not, or did not wait to be told. */
  async end(watchdog: Watchdog): Promise<void> {
    const agents = this.idle.splice(0).map(({ agent }) => agent);
    for (const agent of agents) agent.leave();
    try {
      for (const agent of agents) {
        const departure = await watchdog.within(agent.gone, 'an idle agent to end by itself');
        assert.deepEqual(departure, { code: 0, signal: null }, `how an idle agent ended: ${agent.stderr()}`);
      }
    } finally {
      for (const agent of agents) agent.kill('SIGKILL'); // nothing to those that are gone
    }
    assert.deepEqual(this.deaths, []);
  }
}
