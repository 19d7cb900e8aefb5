/** An attacker that has joined a namespace as any process does: by its presence socket, record and claims. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import { RawLink } from './raw-link.js';

/** Whom it attacks. */
export interface Target {
  readonly namespace: string;
  readonly root: string;
  readonly incarnation: string;
}

export class RawProcess {
  readonly incarnation = randomBytes(8).toString('hex');
  /** Links that others made to its port. */
  readonly accepted: RawLink[] = [];
  private readonly servers: Server[] = [];

  private constructor(
    readonly name: string,
    readonly target: Target,
  ) {}

  static async join(name: string, target: Target): Promise<RawProcess> {
    const self = new RawProcess(name, target);
    onTestFinished(() => self.leave());
    await self.listen('sock', (link) => link.write(Buffer.from(`${self.line}\n`)));
    await self.listen('uds', (link) => void self.accepted.push(link));
    writeFileSync(self.path('json'), JSON.stringify(self.info), { mode: 0o600 });
    self.claim('peers', name, '');
    return self;
  }

  get info(): object {
    const { name, incarnation } = this;
    return { name, incarnation, pid: process.pid, ports: { uds: this.path('uds') } };
  }

  /** Its hello in the presence protocol. */
  get line(): string {
    return JSON.stringify({ is: 'hello', peer: this.info });
  }

  path(suffix: string): string {
    return join(this.target.root, `${this.incarnation}.${suffix}`);
  }

  /** Becomes the host of a mailbox that nobody has. */
  host(mailbox: string): void {
    this.claim('hosts', mailbox, 'uds');
  }

  /** A link to the target, its hello exchanged. */
  async link(options: { polite?: boolean } = {}): Promise<RawLink> {
    const { root, incarnation, namespace } = this.target;
    const link = await RawLink.connect(join(root, `${incarnation}.uds`), options);
    link.hello({ namespace, name: this.name, incarnation: this.incarnation, to: incarnation });
    await link.next('hello');
    return link;
  }

  /** The first link that the target makes to this process, its hello answered. */
  async answered(): Promise<RawLink> {
    const link = await until(() => this.accepted[0], 'the target to dial');
    const hello = JSON.parse((await link.next('hello')).rest.toString()) as { incarnation: string };
    const { namespace } = this.target;
    link.hello({ namespace, name: this.name, incarnation: this.incarnation, to: hello.incarnation });
    return link;
  }

  leave(): void {
    for (const server of this.servers) server.close();
    for (const suffix of ['sock', 'uds', 'json']) rmSync(this.path(suffix), { force: true });
  }

  private claim(parent: string, name: string, content: string): void {
    const directory = join(this.target.root, parent, name);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, this.incarnation), content, { mode: 0o600 });
  }

  private listen(suffix: string, onLink: (link: RawLink) => void): Promise<void> {
    const server = createServer((socket) => {
      onTestFinished(() => void socket.destroy());
      onLink(new RawLink(socket));
    });
    this.servers.push(server);
    return new Promise((resolve) => server.listen(this.path(suffix), resolve));
  }
}
