import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRuntime, mailbox, type PeerEvent, type Runtime } from '../dist/index.js';
import { Child, filesIn, rejection, runtimeDirectory, until } from './child.js';

const join_ = (directory: string, name: string): Promise<Runtime> =>
  createRuntime({ name, directory, namespace: 'n', transport: 'uds', config: false, logger: false });

/** `+name` and `-name` for all that come and go. */
function watch(runtime: Runtime): string[] {
  const seen: string[] = [];
  runtime.on('peer:up', ({ name }: PeerEvent) => void seen.push(`+${name}`));
  runtime.on('peer:down', ({ name }: PeerEvent) => void seen.push(`-${name}`));
  return seen;
}

test('of many processes that take one name at once one has it, and the others hear what to do', async () => {
  const directory = await runtimeDirectory();
  const children = await Promise.all(Array.from({ length: 5 }, () => Child.start()));
  for (let round = 0; round < 6; round++) {
    const outcomes = await Promise.all(
      children.map((child) =>
        child
          .run(
            async (scope, directory) => void (await scope.join({ directory, namespace: 'n', name: 'a' })),
            directory,
          )
          .then(
            () => null,
            (error: { code: string; message: string }) => error,
          ),
      ),
    );
    const winner = children[outcomes.indexOf(null)] as Child;
    const losers = outcomes.filter((outcome) => outcome !== null);
    expect(losers).toHaveLength(4);
    for (const { code, message } of losers) {
      expect(code).toBe('ERR_IN_USE');
      expect(message).toMatch(
        /process name 'a' is held by a live process .*choose another name, or end that process/,
      );
    }
    await winner.run(({ kept }) => kept.runtime.close().then(() => {}));
  }
  expect(await filesIn(directory)).toEqual([]);
});

test('a name held by a live process says by whom', async () => {
  const directory = await runtimeDirectory();
  const holder = await Child.joined({ directory, namespace: 'n', name: 'a' });
  const error = await rejection(join_(directory, 'a'));
  expect(error).toMatchObject({ code: 'ERR_IN_USE', address: 'a' });
  expect(error.message).toContain(`(pid ${holder.pid})`);
});

test('a name is free as soon as its holder is killed, again and again', async () => {
  const directory = await runtimeDirectory();
  for (let round = 0; round < 4; round++) {
    const holder = await Child.joined({ directory, namespace: 'n', name: 'a' });
    holder.signal('SIGKILL');
    await holder.exit;
  }
  await (await join_(directory, 'a')).close();
  expect(await filesIn(directory)).toEqual([]);
});

test('a process that did not get its name was never there for the others', async () => {
  const directory = await runtimeDirectory();
  const holder = await join_(directory, 'a');
  // Before the other joins: it may be seen before its joining is over.
  const seen = [watch(holder)];
  const other = await join_(directory, 'b');
  seen.push(watch(other));
  await until(() => seen[0]?.includes('+b') && seen[1]?.includes('+a'), 'the two to meet');
  for (let i = 0; i < 5; i++) expect((await rejection(join_(directory, 'a'))).code).toBe('ERR_IN_USE');
  const late = await join_(directory, 'late');
  await until(() => seen.every((each) => each.includes('+late')), 'the last one to be seen');
  expect(seen).toEqual([
    ['+b', '+late'],
    ['+a', '+late'],
  ]);
  await Promise.all([holder, other, late].map((runtime) => runtime.close()));
});

test('processes join while the last one leaves and takes the directory along', async () => {
  const directory = await runtimeDirectory();
  const loop = async (lane: number): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      const runtime = await join_(directory, `p${lane}`);
      if (i % 3 === 0) await runtime.receiver(mailbox(`m${lane}`));
      await runtime.close();
    }
  };
  await Promise.all([loop(0), loop(1), loop(2)]);
  expect(await filesIn(directory)).toEqual([]);
});

test('a runtime closed while it opens handles leaves nothing', async () => {
  const directory = await runtimeDirectory();
  for (let i = 0; i < 25; i++) {
    const runtime = await join_(directory, 'a');
    const opening = Promise.allSettled([
      runtime.receiver(mailbox('m')),
      runtime.sender(mailbox('m')),
      runtime.receive(mailbox('k')),
      runtime.select([mailbox('x'), mailbox('y')]),
    ]);
    for (let turns = 0; turns < i; turns++) await new Promise(setImmediate);
    await runtime.close();
    await opening;
    expect(await filesIn(directory)).toEqual([]);
  }
});

test('a survivor removes all that a killed process left', async () => {
  const directory = await runtimeDirectory();
  const survivor = await join_(directory, 'survivor');
  const before = await filesIn(directory);
  const child = await Child.joined({ directory, namespace: 'n', name: 'child' });
  await child.run(async ({ core, kept }) => {
    for (let i = 0; i < 20; i++) await kept.runtime.receiver(core.mailbox(`m${i}`));
  });
  expect((await filesIn(directory)).length).toBeGreaterThan(before.length + 40);
  child.signal('SIGKILL');
  await until(
    async () => (await filesIn(directory)).every((file) => before.includes(file)),
    'the leftovers to go',
  );
  await survivor.close();
  expect(await filesIn(directory)).toEqual([]);
});

test('the last to leave takes along what a process killed just before left', async () => {
  const directory = await runtimeDirectory();
  for (let round = 0; round < 6; round++) {
    const survivor = await join_(directory, 'survivor');
    const child = await Child.joined({ directory, namespace: 'n', name: 'child' });
    await child.run(async ({ core, kept }) => {
      for (let i = 0; i < 20; i++) await kept.runtime.receiver(core.mailbox(`m${i}`));
    });
    child.signal('SIGKILL');
    await child.exit;
    for (let turns = 0; turns < round * 4; turns++) await new Promise(setImmediate);
    await survivor.close();
    expect(await filesIn(directory)).toEqual([]);
  }
});

test('a process that leaves in order costs the others no search of all mailboxes', async () => {
  const directory = await runtimeDirectory();
  const [host, guest] = [await join_(directory, 'host'), await join_(directory, 'guest')];
  const last = await join_(directory, 'last'); // who searches at its end
  const seen = watch(host);
  for (let i = 0; i < 30; i++) await host.receiver(mailbox(`m${i}`));
  // A claim without a live owner that only a search of all would find and remove.
  const [claim] = (await filesIn(directory)).filter((file) => /hosts.m7.[0-9a-f]{16}$/.test(file));
  const { incarnation } = host.peers().find(({ name }) => name === 'guest') as PeerEvent;
  await writeFile(join(directory, claim as string, '..', incarnation), '');
  await guest.close();
  await until(() => seen.includes('-guest'), 'the guest to leave');
  await host.close();
  expect(await filesIn(directory)).toContainEqual(expect.stringMatching(`m7.${incarnation}$`));
  await last.close();
  expect(await filesIn(directory)).toEqual([]);
});

test('the next to join removes what killed processes left, but not what a joining one is making', async () => {
  const directory = await runtimeDirectory();
  const child = await Child.joined({ directory, namespace: 'n', name: 'child' });
  await child.run(({ core, kept }) => kept.runtime.receiver(core.mailbox('m')).then(() => {}));
  child.signal('SIGKILL');
  await child.exit;
  const root = join(directory, 'n');
  const [making, abandoned] = ['00000000000000aa', '00000000000000bb'];
  for (const file of [
    `${making}.sock.new`,
    `${making}.json.new`,
    `${abandoned}.json.new`,
    `${abandoned}.uds.new`,
  ])
    await writeFile(join(root, file), '');
  for (const file of [`${abandoned}.json.new`, `${abandoned}.uds.new`]) await utimes(join(root, file), 1, 1);
  await mkdir(join(root, 'peers', 'stranger'));
  const next = await join_(directory, 'next');
  const left = (await readdir(root)).filter((file) => file.endsWith('.new')).sort();
  expect(left).toEqual([`${making}.json.new`, `${making}.sock.new`]);
  expect(await readdir(join(root, 'hosts')).catch(() => [])).toEqual([]);
  await next.close();
});
