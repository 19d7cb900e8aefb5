/**
 * A network that the kernel makes bad: two network namespaces, a pair of interfaces between them, and tc-netem(8) that loses, doubles,
 * delays and reorders. The runtime directory is a file system, so it is one for both.
 */
import { spawnSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { PeerProcess } from '../../core/test/peers/peer-process.js';
import { scratch, settings } from './scene.js';

function run(command: string): { status: number | null; said: string } {
  const [program = '', ...parameters] = command.split(' ');
  const { status, stderr, error } = spawnSync(program, parameters, { encoding: 'utf8' });
  return { status, said: `${stderr ?? ''}${error ?? ''}` };
}

function must(command: string): void {
  const { status, said } = run(command);
  if (status !== 0) throw new Error(`${command}: ${said}`);
}

const QUALITY = 'delay 3ms 2ms loss 30% duplicate 5% reorder 20%';

const NAMESPACES = ['ip netns add NAME', 'ip -n NAME link add one type veth peer name two'];
const NETEM = [...NAMESPACES, `ip netns exec NAME tc qdisc add dev one root netem ${QUALITY}`];

/** Why these steps cannot be done here; empty if they can. */
function obstacle(steps: readonly string[]): string {
  const name = `pgu-try-${process.pid}`;
  const failed = steps.map((step) => run(step.replace('NAME', name))).find(({ status }) => status !== 0);
  run(`ip netns del ${name}`);
  return failed?.said ?? '';
}
const noNamespaces = obstacle(NAMESPACES);
const noNetem = obstacle(NETEM);

test('network namespaces, and netem in them, can be had here, or it says why not', () => {
  for (const why of [noNamespaces, noNetem])
    if (why !== '') expect(why).toMatch(/ENOENT|not permitted|denied|not supported|qdisc kind is unknown/i);
});

/** Two namespaces joined by a cable, with netem a bad one; what runs a program in each. */
function twoHosts(netem: boolean): { prefix: string[]; address: string }[] {
  const ends = ['a', 'b'].map((end, at) => ({
    name: `pgu-${end}-${process.pid}`,
    address: `198.18.7.${at + 1}`,
    device: `pgu${end}`,
  }));
  onTestFinished(() => {
    for (const { name } of ends) run(`ip netns del ${name}`);
  });
  const [a, b] = ends as [(typeof ends)[0], (typeof ends)[0]];
  for (const { name } of ends) must(`ip netns add ${name}`);
  must(`ip link add ${a.device} netns ${a.name} type veth peer name ${b.device} netns ${b.name}`);
  for (const { name, address, device } of ends) {
    must(`ip -n ${name} addr add ${address}/24 dev ${device}`);
    must(`ip -n ${name} link set ${device} up`);
    must(`ip -n ${name} link set lo up`);
    if (netem) must(`ip netns exec ${name} tc qdisc add dev ${device} root netem ${QUALITY}`);
  }
  return ends.map(({ name, address }) => ({ prefix: ['ip', 'netns', 'exec', name], address }));
}

async function everythingArrives(netem: boolean, flags: readonly string[]): Promise<void> {
  const directory = scratch();
  const ends = twoHosts(netem);
  const [sender, receiver] = (await Promise.all(
    ends.map(({ prefix, address }, at) =>
      PeerProcess.start(
        settings(directory, at === 0 ? 'sender' : 'receiver', {
          ...{ use: 'udp', listen: `${address}:0`, insecure: true },
        }),
        prefix,
        flags,
      ),
    ),
  )) as [PeerProcess, PeerProcess];
  await receiver.call('receiver', 'sink', { capacity: 'unbounded' });
  await sender.call('sender', 'sink');
  expect(await sender.call('trickle', 'sink', 20)).toBe(20);
  await receiver.call('drain', 'sink', 20);
  const flood = sender.call('flood', 'sink', 100, 10_000);
  const seen = await receiver.call<number[][]>('drain', 'sink', 100);
  expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => [n, n, 10_000]));
  expect(await flood).toBe(100);
  await sender.leave();
  await receiver.leave();
}

test.runIf(noNetem === '')(
  'over a network that loses 30 %, doubles and reorders, everything arrives in order',
  () => everythingArrives(true, []),
);

// Where the kernel has no netem, too: the sockets of both processes then do what it would.
test.runIf(noNamespaces === '')(
  'between two network namespaces, in small datagrams of which 30 % are lost, everything arrives',
  () => everythingArrives(false, ['--import', new URL('lossy.mjs', import.meta.url).href]),
);
