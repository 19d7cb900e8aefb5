import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { sharedMemoryFolder } from '@pigeonhole/core/transport';
import { expect, onTestFinished, test } from 'vitest';
import type { Account } from '../desk.js';

const MAIN = fileURLToPath(new URL('../../dist/order-desk/main.js', import.meta.url));

/** Runs the command as a user does, in a runtime directory of the test's own. */
async function runDesk(...args: string[]): Promise<Account> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'pgo-')));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const child = spawn(process.execPath, [MAIN, '--json', ...args], {
    env: { ...process.env, PIGEONHOLE_DIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGTERM'));
  const [said, complained, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  expect({ code, complained: code === 0 ? '' : complained }).toEqual({ code: 0, complained: '' });
  const left = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(left).toEqual([]);
  const shared = sharedMemoryFolder('/dev/shm', join(directory, `order-desk-${child.pid}`));
  onTestFinished(() => rmSync(shared, { recursive: true, force: true }));
  expect(existsSync(shared)).toBe(false);
  return JSON.parse(said) as Account;
}

test('in one process, nothing fails: as many orders are settled as there are goods', async () => {
  const account = await runDesk('--transport', 'memory', '--orders', '60', '--crash', '0');
  expect(account).toMatchObject({
    ...{ placement: 'here', restarts: 0, deadLetters: 0, notified: 57, ok: true },
    outcomes: { settled: 57, 'out of stock': 3, 'not charged': 0, uncertain: 0, failed: 0 },
  });
});

test.each(['uds', 'shm'])(
  'in processes over %s, with one that throws and is killed at random, every order is accounted for',
  async (transport) => {
    const account = await runDesk('--transport', transport, '--orders', '200', '--kill', '0.02');
    expect(account).toMatchObject({ placement: 'process', ok: true });
    expect(account.outcomes.failed).toBe(0);
    expect(account.restarts).toBeGreaterThan(0);
    expect(account.outcomes.uncertain).toBeGreaterThan(0);
    expect(account.outcomes['not charged']).toBeGreaterThan(0);
  },
);
