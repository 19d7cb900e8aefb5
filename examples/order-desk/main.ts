/** The command: node dist/order-desk/main.js --help */
import { createRuntime } from '@pigeonhole/core';
import { Command, InvalidArgumentError } from 'commander';
import { type Account, type DeskSettings, run } from './desk.js';

interface Options extends DeskSettings {
  readonly transport?: string;
  readonly json?: boolean;
}

function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('It must be from 0 to 1.');
  return value;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 3) throw new InvalidArgumentError('It must be 3 or more.');
  return value;
}

function parse(argv: readonly string[]): Options {
  return new Command('order-desk')
    .description('Takes orders with four actors, each in a process of its own, one of which fails at random.')
    .option('-t, --transport <name>', 'how messages travel; memory keeps all in one process')
    .option('-n, --orders <n>', 'how many orders', count, 300)
    .option('--crash <share>', 'of the charges that throw', share, 0.1)
    .option('--kill <share>', 'of the charges that kill their process', share, 0.01)
    .option('--seed <n>', 'which ones they are', Number, 1)
    .option('--json', 'print the account as JSON')
    .parse(argv)
    .opts<Options>();
}

function print({ placement, outcomes, restarts, deadLetters, notified, left, ok }: Account): void {
  const lines = [
    `services: ${placement === 'process' ? 'a process each' : 'all in this process'}`,
    ...Object.entries(outcomes).map(([outcome, number]) => `${outcome.padEnd(13)} ${number}`),
    `billing was killed and started again ${restarts} times`,
    `${deadLetters} dead letters, ${notified} customers notified, left: ${JSON.stringify(left)}`,
    ok ? 'every order is accounted for' : 'THE STOCK DOES NOT AGREE WITH THE ORDERS',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

const { transport, json, ...settings } = parse(process.argv);
const runtime = await createRuntime({
  name: 'desk',
  namespace: `order-desk-${process.pid}`,
  logLevel: 'error',
  ...(transport === undefined ? {} : { transport }),
});
try {
  const account = await run(runtime, settings);
  if (json) process.stdout.write(`${JSON.stringify(account)}\n`);
  else print(account);
  process.exitCode = account.ok ? 0 : 1;
} finally {
  await runtime.stop({ deadline: 5_000 });
}
