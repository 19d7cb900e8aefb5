import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Codec, createRuntime, mailbox, type Runtime, type RuntimeOptions } from '../dist/index.js';
import { connectUnix } from '../dist/transport.js';
import type { ErrorCode } from '../src/errors.js';
import { Kind, PROTOCOL_VERSION } from '../src/framing.js';
import { Child, type ChildError, rejection, runtimeDirectory } from './child.js';
import { fromStranger, MAGIC } from './stranger.js';

/** How an error is provoked from outside, and what its message must say; or why it cannot be yet. */
export type Provocation =
  | readonly [provoke: () => Promise<ChildError>, ...says: (string | RegExp)[]]
  | string;

let worlds = 0;

const options = (more: RuntimeOptions = {}): RuntimeOptions => ({
  name: 'here',
  namespace: `errors-${++worlds}`,
  transport: 'memory',
  config: false,
  logger: false,
  ...more,
});

/** What `action` fails with on a runtime in memory. */
async function inMemory(
  action: (runtime: Runtime) => Promise<unknown>,
  more: RuntimeOptions = {},
): Promise<ChildError> {
  const runtime = await createRuntime(options(more));
  try {
    return await rejection(action(runtime));
  } finally {
    await runtime.close();
  }
}

export const overSockets = async (): Promise<RuntimeOptions> =>
  options({ transport: 'uds', directory: await runtimeDirectory() });

const lying: Codec = {
  name: 'lying',
  id: 3,
  encode: () => new Uint8Array(1),
  decode: () => {
    throw new Error('no such thing');
  },
  verify: () => {},
};

export const provocations = {
  ERR_TIMEOUT: [
    () => inMemory((runtime) => runtime.receive(mailbox('orders'), { timeout: 3 })),
    "receive from mailbox 'orders' did not complete within timeout 3 ms",
  ],
  ERR_CLOSED: [
    () =>
      inMemory(async (runtime) => {
        const tx = await runtime.sender(mailbox('orders'));
        await tx.close();
        await tx.send(1);
      }),
    "mailbox 'orders' is closed",
    'runtime.sender()',
  ],
  ERR_TOO_LARGE: [
    () =>
      inMemory((runtime) => runtime.send(mailbox<string>('orders'), 'x'.repeat(500)), {
        limits: { maxMessageBytes: 100 },
      }),
    /50\d/,
    '100',
    'maxMessageBytes',
  ],
  ERR_UNSERIALIZABLE: [
    () => inMemory((runtime) => runtime.send(mailbox<unknown>('orders'), { item: { price: () => 1 } })),
    'item.price',
    'function',
  ],
  ERR_SCHEMA: [
    () => {
      const issues = [{ message: 'must be positive', path: ['price'] }];
      const schema = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) } } as const;
      return inMemory((runtime) => runtime.send(mailbox<unknown>('orders', { schema }), { price: -1 }));
    },
    "the body for mailbox 'orders' does not match its schema: price: must be positive",
  ],
  ERR_NAME: [
    async () => rejection(Promise.resolve().then(() => mailbox('a b'))),
    'mailbox name "a b" is not allowed',
    '1 to 128 characters',
  ],
  ERR_CAPACITY: [
    async () => rejection(Promise.resolve().then(() => mailbox('orders', { capacity: -1 }))),
    "capacity of mailbox 'orders' is -1",
    "0 (rendezvous), an integer from 1 to 4294967294, or 'unbounded'",
  ],
  ERR_CAPACITY_MISMATCH: [
    () =>
      inMemory(async (runtime) => {
        await runtime.receiver(mailbox('orders', { capacity: 8 }));
        await runtime.sender(mailbox('orders', { capacity: 9 }));
      }),
    "mailbox 'orders' has capacity 8; it was opened with capacity 9",
    'leave it out to adopt its own',
  ],
  ERR_IN_USE: [
    async () => {
      const given = await overSockets();
      const runtime = await createRuntime(given);
      const error = await rejection(createRuntime(given));
      await runtime.close();
      return error;
    },
    `process name 'here' is held by a live process of this namespace (pid ${process.pid})`,
    'choose another name',
  ],
  ERR_TRANSPORT: [
    () => rejection(createRuntime(options({ transport: '@acme/carrier-pigeon' }))),
    'transport "@acme/carrier-pigeon"',
    'npm install @acme/carrier-pigeon',
  ],
  ERR_CONFIG: [
    () => rejection(createRuntime(options({ closeDeadline: -1 }))),
    'closeDeadline is -1 in the arguments',
    'allowed',
  ],
  ERR_UNSUPPORTED: [
    () => inMemory(async (runtime) => (await runtime.sender(mailbox('orders'))).sendSync(1)),
    "sendSync on mailbox 'orders': transport 'memory'",
    'capabilities.sync is false',
    'use the awaited form',
  ],
  ERR_OS_LIMIT: [
    async () => {
      const directory = await runtimeDirectory();
      const child = await Child.start({ files: 60 });
      return rejection(
        child.run(async (scope, directory) => {
          await (await scope.join({ name: 'a', directory })).close();
          try {
            for (;;) scope.fs.openSync('/dev/null', 'r');
          } catch {
            await scope.join({ name: 'a', directory });
          }
        }, directory),
      );
    },
    'file descriptor',
    'ulimit -n',
  ],
  ERR_NO_SPACE: [
    () =>
      inMemory(
        async (runtime) => {
          const tx = await runtime.sender(mailbox<string>('orders'));
          for (;;) await tx.send('x'.repeat(30));
        },
        { mailboxes: { orders: { maxBytes: 100 } } },
      ),
    /mailbox 'orders' holds 9\d bytes in 3 messages; 3\d more exceed its limit of 100 bytes/,
    'mailboxes.<name>.maxBytes',
    'receive some, or raise the limit',
  ],
  ERR_PATH_TOO_LONG: [
    async () => {
      const directory = join(await runtimeDirectory(), 'd'.repeat(90));
      return rejection(createRuntime(options({ transport: 'uds', directory })));
    },
    /socket path \S+ has 1\d\d bytes and a Unix socket's path at most 10[37]/,
    'PIGEONHOLE_DIR',
  ],
  ERR_NOT_OURS: [
    async () =>
      fromStranger(await overSockets(), (writer, to) => {
        const hello = { namespace: `errors-${worlds}`, name: 'billing', incarnation: '0'.repeat(16), to };
        writer.json(Kind.hello, MAGIC, PROTOCOL_VERSION, hello);
      }),
    "a process says it is 'billing' (0000000000000000), but no such process has joined",
  ],
  ERR_INSECURE_DIR: [
    async () => {
      const directory = join(await runtimeDirectory(), 'open');
      await mkdir(directory);
      await chmod(directory, 0o777);
      return rejection(createRuntime(options({ transport: 'uds', directory })));
    },
    /runtime directory \S+ is refused: its mode is 0777, so others may write in it; at most 0755 is allowed/,
    'PIGEONHOLE_DIR',
  ],
  ERR_PERMISSION: [
    async () => {
      const parent = await runtimeDirectory();
      const child = await Child.joined({ directory: parent, name: 'a' });
      await chmod(parent, 0o500);
      return rejection(
        child.run(
          async (scope, directory) => {
            await scope.kept.runtime.close();
            if (process.getuid?.() === 0) process.setuid?.(65534);
            await scope.join({ name: 'a', directory });
          },
          join(parent, 'd'),
        ),
      );
    },
    /cannot create \S+: this user may not/,
    "the option 'directory'",
  ],
  ERR_VERSION: [
    async () => fromStranger(await overSockets(), (writer) => writer.json(Kind.hello, MAGIC, 99, {})),
    'the other side speaks link protocol version 99; this side speaks 1',
  ],
  ERR_FRAME: [
    async () => fromStranger(await overSockets(), (writer) => writer.frame(Kind.ping, 0, 0)),
    'the first frame is not a hello of the Pigeonhole link protocol',
  ],
  ERR_CORRUPT: [
    () =>
      inMemory(async (runtime) => {
        await runtime.send(mailbox<number>('orders', { codec: lying }), 1);
        await runtime.receive(mailbox('orders', { codec: lying }));
      }),
    "a message from 'here' in mailbox 'orders' cannot be decoded by codec 'lying'",
  ],
  ERR_PEER_DOWN: [
    async () => rejection(connectUnix(join(await runtimeDirectory(), 'nobody.sock'))),
    /cannot connect to \S+nobody\.sock: nothing listens there \(ENOENT\)/,
  ],
  ERR_OUTCOME_UNKNOWN: [
    async () => {
      const given = await overSockets();
      const host = await Child.joined({ ...given, name: 'host' });
      await host.run(({ core, kept }) =>
        kept.runtime.receiver(core.mailbox('orders', { capacity: 1 })).then(() => {}),
      );
      const runtime = await createRuntime(given);
      const tx = await runtime.sender(mailbox('orders'));
      await tx.send(1);
      const waiting = rejection(tx.send(2));
      await tx.trySend(3); // so the host has it
      host.signal('SIGKILL');
      const error = await waiting;
      await runtime.close();
      return error;
    },
    "process 'host', which hosted mailbox 'orders', was lost before it said whether it had accepted the message",
  ],
  ERR_FENCED: [
    async () =>
      fromStranger(await overSockets(), (writer) => {
        const hello = {
          ...{ namespace: `errors-${worlds}`, name: 'billing' },
          ...{ incarnation: '0'.repeat(16), to: 'f'.repeat(16) },
        };
        writer.json(Kind.hello, MAGIC, PROTOCOL_VERSION, hello);
      }),
    /process 'billing' wanted incarnation "f{16}"; this is another one, its successor or another process/,
  ],
  ERR_NATIVE_UNAVAILABLE: 'the addon, which would be missing, is no part of the project yet',
} satisfies Record<ErrorCode, Provocation>;
