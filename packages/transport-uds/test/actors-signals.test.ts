// A service gets SIGTERM: it handles what it was sent, says what was left, and ends with the exit code that says it.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ActorDefinition, createRuntime, type StopReport } from '@pigeonhole/core';
import { expect, onTestFinished, test } from 'vitest';

const script = fileURLToPath(new URL('actors-signals.mjs', import.meta.url));

type Worker = ActorDefinition<
  undefined,
  { work(ctx: never, milliseconds: number): Promise<number>; forEver(): Promise<never> }
>;

async function service(deadline = 200) {
  const directory = mkdtempSync(join(tmpdir(), 'pg-'));
  const child = fork(script, [directory, `${deadline}`], {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const gone = once(child, 'exit');
  let report: StopReport | undefined;
  child.on('message', (message: { report?: StopReport }) => {
    report = message.report;
  });
  await once(child, 'message');
  const client = await createRuntime({
    ...{ name: 'client', namespace: 'signals', directory, transport: 'uds', logger: false },
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await gone;
    await client.close();
    rmSync(directory, { recursive: true });
  });
  return { child, client, gone, directory, report: () => report, worker: client.ref<Worker>('worker') };
}

test('SIGTERM: all that was asked is answered, and the exit code is 0', async () => {
  const { child, gone, worker, report } = await service(60_000);
  const answers = [worker.ask.work(20), worker.ask.work(20), worker.ask.work(20)];
  await worker.tell.work(0);
  child.kill('SIGTERM');
  expect(await Promise.all(answers)).toEqual([1, 2, 3]);
  expect(await gone).toEqual([0, null]);
  expect(report()).toMatchObject({ handled: 4, aborted: 0, undelivered: [] });
});

test('SIGINT with work that does not end: it is aborted and answered, and the exit code is 1', async () => {
  const { child, client, gone, worker, report, directory } = await service();
  const answer = worker.ask.forEver(undefined, { timeout: 60_000 });
  const failed = expect(answer).rejects.toThrow(/has stopped/);
  await expect(worker.ask.work(0, { timeout: 50 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  child.kill('SIGINT');
  await failed;
  expect(await gone).toEqual([1, null]);
  expect(report()).toMatchObject({ aborted: 1 });
  await client.close();
  const left = readdirSync(directory, { recursive: true, withFileTypes: true });
  expect(left.filter((entry) => !entry.isDirectory())).toEqual([]);
});

test('a second signal ends it at once', async () => {
  const { child, gone, worker } = await service();
  worker.ask.forEver(undefined, { timeout: 100 }).catch(() => {});
  await expect(worker.ask.work(0, { timeout: 50 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  child.kill('SIGTERM');
  child.kill('SIGINT');
  const [code] = await gone;
  expect([130, 143]).toContain(code); // whichever of the two it saw second
});
