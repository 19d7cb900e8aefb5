/** A host of its own for a test: a network namespace (ip-netns(8)), in which processes are started. */
import { execFileSync, spawnSync } from 'node:child_process';
import { onTestFinished } from 'vitest';

let serial = 0;

const ip = (...args: string[]): void =>
  void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** Null where namespaces can be made; else why not. */
export const noHosts: string | null = (() => {
  const name = `ph-${process.pid}-try`;
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (made.status !== 0)
    return `${made.stderr ?? ''}${made.error ?? ''}` || `ip netns ended with ${made.status}`;
  const used = spawnSync('ip', ['netns', 'exec', name, 'ip', 'link', 'set', 'lo', 'up'], {
    encoding: 'utf8',
  });
  ip('netns', 'del', name);
  return used.status === 0 ? null : used.stderr;
})();

export class Host {
  private constructor(
    readonly name: string,
    /** On the network that joins two hosts; '' for one that stands alone. */
    readonly address: string,
  ) {}

  private static make(address: string): Host {
    const host = new Host(`ph-${process.pid}-${serial++}`, address);
    ip('netns', 'add', host.name);
    onTestFinished(() => ip('netns', 'del', host.name));
    host.run('ip', 'link', 'set', 'lo', 'up');
    return host;
  }

  static alone(): Host {
    return Host.make('');
  }

  /** Two hosts and a cable between them. */
  static pair(): [Host, Host] {
    const hosts: [Host, Host] = [Host.make('10.77.0.1'), Host.make('10.77.0.2')];
    const [a, b] = hosts;
    ip('link', 'add', 'cable', 'netns', a.name, 'type', 'veth', 'peer', 'name', 'cable', 'netns', b.name);
    for (const host of hosts) {
      host.run('ip', 'address', 'add', `${host.address}/24`, 'dev', 'cable');
      host.run('ip', 'link', 'set', 'cable', 'up');
    }
    return hosts;
  }

  /** What makes a command run on this host. */
  get prefix(): string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  run(...command: string[]): string {
    const [program = '', ...args] = [...this.prefix, ...command];
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
}
