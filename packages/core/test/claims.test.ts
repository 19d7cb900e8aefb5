import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { newIncarnation } from '../src/naming.js';
import { Claims, type Rival } from '../src/registry/claims.js';
import { rejection, runtimeDirectory } from './child.js';

/** Claimants of one directory, alive until they are taken out of `alive`. */
async function field(): Promise<{
  directory: string;
  alive: Set<string>;
  claimant(): { claims: Claims; self: string };
}> {
  const directory = join(await runtimeDirectory(), 'hosts', 'm');
  const alive = new Set<string>();
  const claimant = () => {
    const self = newIncarnation();
    alive.add(self);
    return { self, claims: new Claims(self, async (incarnation) => alive.has(incarnation)) };
  };
  return { directory, alive, claimant };
}

test('of many who claim at once exactly one owns, time after time', async () => {
  const { directory, claimant } = await field();
  for (let round = 0; round < 15; round++) {
    const claimants = Array.from({ length: 8 }, claimant);
    const outcomes = await Promise.all(claimants.map(({ claims }) => claims.claim(directory)));
    const winners = claimants.filter((_, at) => outcomes[at] === null);
    expect(winners).toHaveLength(1);
    expect(await readdir(directory)).toEqual([winners[0]?.self]);
    await winners[0]?.claims.release(directory);
  }
  expect(await readdir(join(directory, '..', '..'))).toEqual([]);
});

test('ownership is never shared while owners release, die and come back', async () => {
  const { directory, alive, claimant } = await field();
  let owners = 0;
  let most = 0;
  let changes = 0;
  const contend = async (): Promise<void> => {
    for (let { claims, self } = claimant(); changes < 60; ) {
      if ((await claims.claim(directory)) !== null) {
        await later(1);
        continue;
      }
      most = Math.max(most, ++owners);
      await later(Math.random() * 3);
      owners--;
      if (changes++ % 3 === 0) {
        alive.delete(self); // killed: its flag stays up
        ({ claims, self } = claimant());
      } else await claims.release(directory);
    }
  };
  await Promise.all(Array.from({ length: 6 }, contend));
  expect(most).toBe(1);
});

test('a claimant that died between raising its flag and looking is in nobody’s way', async () => {
  const { directory, claimant } = await field();
  await mkdir(directory, { recursive: true });
  const dead = newIncarnation();
  await writeFile(join(directory, dead), 'uds');
  const { claims, self } = claimant();
  expect(await claims.owner(directory)).toBe(null);
  await writeFile(join(directory, dead), 'uds');
  expect(await claims.claim(directory)).toBe(null);
  expect(await readdir(directory)).toEqual([self]);
});

test('a flag that a former owner raised for its heir is not lowered because another is up', async () => {
  const { directory } = await field();
  await mkdir(directory, { recursive: true });
  const [heir, dead, rival] = [newIncarnation(), newIncarnation(), newIncarnation()];
  await writeFile(join(directory, heir), 'uds');
  await writeFile(join(directory, dead), 'uds');
  // The rival comes between the heir's two looks.
  const claims = new Claims(heir, async (incarnation) => {
    if (incarnation === dead) await writeFile(join(directory, rival), 'uds');
    return incarnation === rival;
  });
  expect(await claims.claim(directory)).toBe(rival);
  expect((await readdir(directory)).sort()).toEqual([heir, rival].sort());
});

test('what is no incarnation is neither an owner nor removed', async () => {
  const { directory, claimant } = await field();
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'README'), '');
  const { claims, self } = claimant();
  expect(await claims.claim(directory)).toBe(null);
  await claims.release(directory);
  expect(await readdir(directory)).toEqual(['README']);
  expect(self).not.toBe('README');
});

test('a claim that fails after the flag was raised takes it down', async () => {
  const { directory, alive, claimant } = await field();
  const [self, dead, rival] = [newIncarnation(), newIncarnation(), newIncarnation()];
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, dead), '');
  const claims = new Claims(self, async (incarnation) => {
    if (incarnation === rival) throw new Error('no descriptor left');
    await writeFile(join(directory, rival), ''); // after the look before the flag, and before the one after
    return false;
  });
  expect((await rejection(claims.claim(directory))).message).toBe('no descriptor left');
  expect(await readdir(directory)).toEqual([rival]);
  alive.add(rival);
  expect(await claimant().claims.claim(directory)).toBe(rival);
});

test('a claim that is lost to somebody elsewhere leaves no directory', async () => {
  const { directory, claimant } = await field();
  const owner = newIncarnation();
  const lost = await claimant().claims.claim(directory, '', async () => ({ incarnation: owner, owns: true }));
  expect(lost).toBe(owner);
  expect(await readdir(join(directory, '..', '..'))).toEqual([]);
});

test('an heir owns what is bequeathed, and nobody else can take it', async () => {
  const { directory, claimant } = await field();
  const [owner, heir, other] = [claimant(), claimant(), claimant()];
  await owner.claims.claim(directory, 'uds');
  await owner.claims.bequeath(directory, heir.self);
  expect(await other.claims.claim(directory)).toBe(heir.self);
  expect(await heir.claims.claim(directory)).toBe(null);
  expect(await other.claims.owner(directory)).toBe(heir.self);
  await heir.claims.release(directory);
  expect(await other.claims.claim(directory)).toBe(null);
});

test('a claim under way ends when its process leaves, and leaves no flag', async () => {
  const { directory, claimant } = await field();
  const { claims } = claimant();
  claims.stop();
  expect((await rejection(claims.claim(directory))).code).toBe('ERR_CLOSED');
  expect(await readdir(join(directory, '..', '..'))).toEqual([]);
});

/** Claimants that share no directory: each is asked for its own flag, and an answer takes its time. */
async function hosts(
  count: number,
  owning: Set<object>,
): Promise<{ claims: Claims; directory: string; elsewhere: () => Promise<Rival | null> }[]> {
  const all: { claims: Claims; directory: string; self: string }[] = [];
  for (let n = 0; n < count; n++) {
    const { directory, claimant } = await field();
    all.push({ directory, ...claimant() });
  }
  return all.map((own) => ({
    ...own,
    elsewhere: async () => {
      const others = all.filter((each) => each !== own);
      const answers = others.map(async (each): Promise<Rival | null> => {
        await later(Math.random() * 2);
        const owns = owning.has(each.claims);
        const answer = owns || each.claims.isUp(each.directory) ? { incarnation: each.self, owns } : null;
        await later(Math.random() * 2);
        return answer;
      });
      return (await Promise.all(answers)).find((answer) => answer !== null) ?? null;
    },
  }));
}

test('of hosts that ask each other exactly one owns, and the others learn which', async () => {
  for (let round = 0; round < 10; round++) {
    const owning = new Set<object>();
    const claimants = await hosts(3, owning);
    const outcomes = await Promise.all(
      claimants.map(async ({ claims, directory, elsewhere }) => {
        const owner = await claims.claim(directory, '', elsewhere);
        if (owner === null) owning.add(claims);
        return owner;
      }),
    );
    expect(outcomes.filter((owner) => owner === null)).toHaveLength(1);
    expect(new Set(outcomes.filter((owner) => owner !== null)).size).toBe(1);
    expect(claimants.map(({ claims, directory }) => claims.isUp(directory))).toEqual(
      outcomes.map((owner) => owner === null),
    );
  }
});
