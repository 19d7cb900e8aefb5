/** One real error for each code of docs/errors.md, made as an application or an operator would meet it. */
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Codec,
  createRuntime,
  type ErrorCode,
  mailbox,
  type Runtime,
  type RuntimeOptions,
} from '@pigeonhole/core';
import { connectUnix, type LinkTransport, socketError } from '@pigeonhole/core/transport';
import * as v from 'valibot';
import { onTestFinished } from 'vitest';
import sampleTransport from '../../../templates/transport/src/index.js';
import { pathError } from '../src/config/directory.js';
import { loadTransport } from '../src/config.js';
import { memory } from '../src/memory.js';
import { checkSocketPath } from '../src/naming.js';

// Before anything loads the addon: once loaded, it stays for the life of the thread, and its absence could not be shown.
process.env.PIGEONHOLE_NATIVE = 'off';

const orders = mailbox<unknown>('orders', { capacity: 1 });

async function runtime(options: RuntimeOptions = {}): Promise<Runtime> {
  const made = await createRuntime({
    name: 'billing',
    namespace: `e-${randomUUID()}`,
    transport: 'memory',
    config: false,
    logger: false,
    ...options,
  });
  onTestFinished(async () => void (await made.close({ deadline: 0 })));
  return made;
}

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ph-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** What `action` throws or rejects with. */
async function thrown(action: () => unknown): Promise<Error> {
  try {
    await action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

const systemError = (code: string): Error => Object.assign(new Error(code), { code });

/** A frame of the link protocol (docs/protocol.md): header and JSON. */
function frame(kind: number, channel: number, number: number, value: unknown): Uint8Array {
  const rest = Buffer.from(JSON.stringify(value));
  const bytes = Buffer.alloc(16 + rest.length);
  bytes.writeUInt32LE(12 + rest.length, 0);
  bytes[4] = kind;
  bytes.writeUInt32LE(channel, 8);
  bytes.writeUInt32LE(number, 12);
  rest.copy(bytes, 16);
  return bytes;
}

const HELLO = 1;
const MAGIC = 0x4e474950;

/** What a runtime reports when somebody connects to its port and writes `bytes`. */
async function warningAfter(
  bytes: (target: { namespace: string; incarnation: string }) => Uint8Array,
): Promise<Error> {
  const transport: LinkTransport = sampleTransport();
  const target = await runtime({ transport });
  const watcher = await runtime({ transport, namespace: target.namespace, name: 'watcher' });
  const { incarnation } = watcher.peers().find(({ name }) => name === target.name) as { incarnation: string };
  const warning = new Promise<Error>((resolve) => target.on('warning', resolve));
  const port = await transport.open({
    namespace: target.namespace,
    self: { name: 'stranger', incarnation: '0'.repeat(16) },
    path: String,
    staging: String,
    accept: () => ({ data() {}, drain() {}, end() {} }),
    warn() {},
  });
  onTestFinished(() => port.close());
  const address = `${target.namespace}/${incarnation}`;
  const link = await port.connect(address, { data() {}, drain() {}, end() {} });
  link.write(bytes({ namespace: target.namespace, incarnation }));
  return warning;
}

const stranger = { name: 'stranger', incarnation: '00000000000000aa' };

/** A host that is killed while a send waits at it. */
async function hostKilled(): Promise<Error> {
  const directory = scratch();
  const host = fork(fileURLToPath(new URL('./docs-host.mjs', import.meta.url)), [], {
    env: { ...process.env, PIGEONHOLE_DIR: directory },
    execArgv: [],
  });
  const gone = new Promise((resolve) => host.once('exit', resolve));
  onTestFinished(async () => {
    host.kill('SIGKILL');
    await gone;
  });
  await new Promise((resolve) => host.once('message', resolve));
  const sender = await runtime({ name: 'shop', namespace: 'docs', transport: 'uds', directory });
  await sender.send(orders, 1);
  const waiting = thrown(() => sender.send(orders, 2));
  // Answered after the send before it: by then the host has that one too.
  await sender.trySend(orders, 3);
  host.kill('SIGKILL');
  return waiting;
}

const unreadable: Codec = {
  name: 'mine',
  id: 3,
  encode: () => new Uint8Array(1),
  decode: () => {
    throw new Error('not mine');
  },
  verify: () => {},
};

/** No code of the packages throws what is missing here. */
export const examples: Partial<Record<ErrorCode, () => Promise<Error>>> = {
  ERR_TIMEOUT: async () => {
    const shop = await runtime();
    await shop.send(orders, 1);
    return thrown(() => shop.send(orders, 2, { timeout: 50 }));
  },
  ERR_CLOSED: async () => {
    const sender = await (await runtime()).sender(orders);
    await sender.close();
    return thrown(() => sender.send(1));
  },
  ERR_TOO_LARGE: async () => {
    const shop = await runtime({ maxMessageBytes: 1024 });
    return thrown(() => shop.send(orders, 'x'.repeat(2000)));
  },
  ERR_UNSERIALIZABLE: async () => {
    const shop = await runtime();
    return thrown(() => shop.send(orders, { items: [{ price: () => 1 }] }));
  },
  ERR_SCHEMA: async () => {
    const shop = await runtime();
    const strict = mailbox('orders', { schema: v.object({ id: v.number() }) });
    return thrown(() => shop.send(strict, { id: 'one' } as never));
  },
  ERR_NAME: () => thrown(() => mailbox('my orders')),
  ERR_CAPACITY: () => thrown(() => mailbox('orders', { capacity: -1 })),
  ERR_CAPACITY_MISMATCH: async () => {
    const shop = await runtime();
    await shop.receiver(mailbox('orders', { capacity: 256 }));
    return thrown(() => shop.sender(mailbox('orders', { capacity: 10 })));
  },
  ERR_IN_USE: async () => {
    const first = await runtime();
    return thrown(() => runtime({ namespace: first.namespace }));
  },
  ERR_TRANSPORT: () => thrown(() => loadTransport('@acme/pigeonhole-rdma', '/srv/shop', { memory })),
  ERR_CONFIG: () => thrown(() => runtime({ transprot: 'uds' } as RuntimeOptions)),
  ERR_UNSUPPORTED: async () => {
    const sender = await (await runtime()).sender(orders);
    return thrown(() => sender.sendSync(1));
  },
  ERR_OS_LIMIT: async () => socketError(systemError('EMFILE'), 'listen on', '/run/shop/1f.sock.new'),
  ERR_NO_SPACE: async () => {
    const shop = await runtime({ limits: { maxBytes: 100 } });
    return thrown(() => shop.send(orders, 'x'.repeat(200)));
  },
  ERR_PATH_TOO_LONG: () =>
    thrown(() => checkSocketPath(`/srv/${'shop/'.repeat(20)}run/0123456789abcdef.sock.new`)),
  ERR_NOT_OURS: () =>
    warningAfter(({ incarnation }) =>
      frame(HELLO, MAGIC, 1, { ...stranger, namespace: 'elsewhere', to: incarnation }),
    ),
  ERR_INSECURE_DIR: async () => {
    const directory = join(scratch(), 'open');
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    return thrown(() => runtime({ transport: 'uds', directory }));
  },
  ERR_PERMISSION: async () => pathError(systemError('EACCES'), 'create', '/run/shop/pigeonhole'),
  ERR_VERSION: () =>
    warningAfter(({ namespace, incarnation }) =>
      frame(HELLO, MAGIC, 99, { ...stranger, namespace, to: incarnation }),
    ),
  ERR_FRAME: () => warningAfter(() => Buffer.from('GET / HTTP/1.1\r\n\r\n')),
  ERR_CORRUPT: async () => {
    const shop = await runtime();
    const box = mailbox('orders', { codec: unreadable });
    await shop.send(box, 1);
    return thrown(() => shop.receive(box));
  },
  ERR_PEER_DOWN: () => thrown(() => connectUnix(join(scratch(), '1f.uds'))),
  ERR_OUTCOME_UNKNOWN: hostKilled,
  ERR_NATIVE_UNAVAILABLE: () =>
    thrown(() => runtime({ transport: { use: 'uds', allow: { uids: [33] } }, directory: scratch() })),
  ERR_FENCED: () =>
    warningAfter(({ namespace }) =>
      frame(HELLO, MAGIC, 1, { ...stranger, namespace, to: 'fedcba9876543210' }),
    ),
};
