// The suite proves itself where only other processes show it: the agents' runtime breaks a rule, and its tests must notice.
import { fileURLToPath } from 'node:url';
import { type HarnessOptions, rulesFor, runRule } from '@pigeonhole/core/conformance';
import { expect, test } from 'vitest';
import { attack } from './conformance-attack.js';

const runtimeModule = fileURLToPath(new URL('conformance-broken-runtime.mjs', import.meta.url));

async function noticed(rule: string, options: HarnessOptions): Promise<string | null> {
  for (const each of rulesFor(['processes']).filter((one) => one.rule.rule === rule))
    try {
      await runRule(each.rule, each.place, options);
    } catch {
      return each.rule.title;
    }
  return null;
}

for (const rule of ['R24', 'R25', 'R26', 'R27', 'R28'])
  test(`a runtime that breaks ${rule} in its process is found out`, async () => {
    const environment = { PIGEONHOLE_BROKEN_RULE: rule };
    const options = { transport: 'uds', hostile: attack, watchdog: 5000, runtimeModule, environment };
    expect(await noticed(rule, options), `no test of ${rule} noticed`).not.toBeNull();
  }, 300_000);
