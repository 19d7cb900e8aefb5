/** A runtime directory on a file system that is full: ERR_NO_SPACE, nothing left behind, and another try when there is room. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { NAMESPACE, scratch } from './scene.js';
import { Victim } from './victim.js';

/** A namespace of mounts of one's own, in which a tiny file system can be mounted without being root outside. */
const unshare = ['unshare', '--map-root-user', '--mount'];

const attempt = spawnSync(
  unshare[0] as string,
  [...unshare.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt'],
  {
    encoding: 'utf8',
  },
);
const permitted = attempt.status === 0;

function tiny(directory: string): readonly string[] {
  const script = `mount -t tmpfs -o size=64k,nr_inodes=64,mode=700 none ${directory} && exec "$@"`;
  return [...unshare, 'sh', '-c', script, 'sh'];
}

async function start(victim: Victim): Promise<string> {
  return victim.call('start', false).then(
    () => 'joined',
    ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
  );
}

test("a file system of one's own can be mounted here, or the kernel says why not", () => {
  if (permitted) expect(attempt.stderr).toBe('');
  else expect(`${attempt.stderr}${attempt.error ?? ''}`).toMatch(/not permitted|denied|ENOENT|No space left/);
});

test.runIf(permitted)('without inodes', async () => {
  const directory = scratch();
  const victim = await Victim.launch({ name: 'victim', namespace: NAMESPACE, directory }, tiny(directory));
  const outcomes: string[] = [];
  for (let spare = 0; outcomes.at(-1) !== 'joined'; spare++) {
    expect(await victim.call('crowd', directory, spare)).toBe('ENOSPC');
    const outcome = await start(victim);
    outcomes.push(outcome);
    if (outcome !== 'joined') {
      expect(outcome).toMatch(/^ERR_NO_SPACE: cannot .*(full|no space)/);
      expect(await victim.call('list', directory)).toEqual([]);
    }
    await victim.call('free', directory);
  }
  // Directories for the namespace, its processes and its mailboxes, two sockets, the claim and its directory, the record.
  expect(outcomes).toHaveLength(9);
  await victim.leave();
});

test.runIf(permitted)('without bytes', async () => {
  const directory = scratch();
  const victim = await Victim.launch({ name: 'victim', namespace: NAMESPACE, directory }, tiny(directory));
  expect(await victim.call('fill', directory)).toBe('ENOSPC');
  expect(await start(victim)).toMatch(/^ERR_NO_SPACE: cannot .*(full|no space)/);
  expect(await victim.call('list', directory)).toEqual([]);
  await victim.call('free', directory);
  expect(await start(victim)).toBe('joined');
  // A mailbox that cannot be claimed is refused; the process goes on.
  await victim.call('fill', directory);
  await expect(victim.call('receiver', 'm')).rejects.toMatchObject({ code: 'ERR_NO_SPACE' });
  await victim.call('free', directory);
  await victim.call('receiver', 'm');
  await victim.leave();
});
