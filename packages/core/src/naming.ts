/**
 * Names, and every path and file name made from them. Nothing else in the project builds either.
 *
 * ```
 * <directory>/                        0700, ours; see config/directory.ts
 *   <namespace>/                      long names shortened, see namespaceFolder
 *     <incarnation>.sock              a live process: its socket answers while it lives, refuses once it is dead
 *     <incarnation>.json              what that process says of itself
 *     <incarnation>.<transport>       its port of one transport
 *     <incarnation>.mqueue.owner      locked while it lives that has an inbox queue in the kernel
 *     <mailbox>~queue                 a mailbox that is a queue in the kernel, and who has it open
 *     *.new                           any of these while it is being made: bound or written there, then renamed
 *     peers/<name>/<incarnation>      claims on a process name
 *     hosts/<mailbox>/<incarnation>   claims on hosting a mailbox
 *     auto/<choice>/<incarnation>     what a process takes that leaves the transport open
 * ```
 */
import { Buffer } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import { rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { ownUid, prepareDirectory } from './config/directory.js';
import { hasSystemCode, PigeonholeError, show } from './errors.js';

export { pathError, prepareDirectory } from './config/directory.js';

export type Named = 'mailbox' | 'peer' | 'process' | 'namespace';

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const nameRule = `a name has 1 to 128 characters: a letter or digit, then letters, digits, '.', '_' or '-' (${namePattern.source})`;

export function isName(name: unknown): name is string {
  return typeof name === 'string' && namePattern.test(name);
}

/** Throws `ERR_NAME`, naming the object, the value and the rule (R1), for anything that is not a name. */
export function checkName(name: unknown, of: Named): asserts name is string {
  if (isName(name)) return;
  const address = typeof name === 'string' ? name : undefined;
  throw new PigeonholeError('ERR_NAME', `${of} name ${show(name)} is not allowed: ${nameRule}`, { address });
}

/** 16 lower-case hexadecimal characters, random: one run of one process or thread. Two runs never share one. */
export function newIncarnation(): string {
  return randomBytes(8).toString('hex');
}

export function isIncarnation(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{16}$/.test(text);
}

function checkIncarnation(text: string): string {
  if (isIncarnation(text)) return text;
  throw new PigeonholeError(
    'ERR_CORRUPT',
    `incarnation ${show(text)} is not 16 lower-case hexadecimal characters`,
  );
}

/**
 * The runtime directory when none is configured: `$XDG_RUNTIME_DIR/pigeonhole`, else `<os.tmpdir()>/pigeonhole-<uid>`.
 * A relative XDG_RUNTIME_DIR counts as unset, as the XDG Base Directory Specification asks.
 */
export function defaultDirectory(env: NodeJS.ProcessEnv): string {
  const runtimeDirectory = env.XDG_RUNTIME_DIR;
  if (runtimeDirectory && isAbsolute(runtimeDirectory)) return join(runtimeDirectory, 'pigeonhole');
  return join(tmpdir(), `pigeonhole-${ownUid()}`);
}

/**
 * Where everything of one namespace lies. Pure: makes names, touches no file. Names and incarnations may come from another
 * process: each method checks its own (`ERR_NAME`, `ERR_CORRUPT`), so that no path leaves `root`.
 */
export interface NamespacePaths {
  readonly directory: string;
  readonly namespace: string;
  readonly root: string;
  /** Holds one folder a process name, each with its claims. */
  readonly peers: string;
  /** Holds one folder a hosted mailbox, each with its claims. */
  readonly hosts: string;
  /** Holds one folder a transport that processes chose by themselves, each with who did. */
  readonly auto: string;
  presence(incarnation: string): string;
  record(incarnation: string): string;
  /** Throws `ERR_TRANSPORT` for a transport name that cannot be part of a file name, or that a file of core's own would take. */
  port(incarnation: string, transport: string): string;
  /** Where `path` is made before a rename publishes it. Check the length of this one: it is the longer. */
  staging(path: string): string;
  peersOf(name: string): string;
  peerClaim(name: string, incarnation: string): string;
  hostsOf(mailbox: string): string;
  hostClaim(mailbox: string, incarnation: string): string;
}

/** `directory` is absolute. Throws `ERR_NAME` for a bad namespace. */
export function namespacePaths(directory: string, namespace: string): NamespacePaths {
  checkName(namespace, 'namespace');
  const root = join(directory, namespaceFolder(namespace));
  const peers = join(root, 'peers');
  const hosts = join(root, 'hosts');
  const file = (incarnation: string, suffix: string) =>
    join(root, `${checkIncarnation(incarnation)}.${suffix}`);
  const folder = (parent: string, name: string, of: Named) => {
    checkName(name, of);
    return join(parent, name);
  };
  const peersOf = (name: string) => folder(peers, name, 'process');
  const hostsOf = (mailbox: string) => folder(hosts, mailbox, 'mailbox');
  return {
    directory,
    namespace,
    root,
    peers,
    hosts,
    auto: join(root, 'auto'),
    presence: (incarnation) => file(incarnation, PRESENCE),
    record: (incarnation) => file(incarnation, RECORD),
    port: (incarnation, transport) => file(incarnation, checkTransportName(transport)),
    staging: (path) => `${path}.${STAGING}`,
    peersOf,
    peerClaim: (name, incarnation) => join(peersOf(name), checkIncarnation(incarnation)),
    hostsOf,
    hostClaim: (mailbox, incarnation) => join(hostsOf(mailbox), checkIncarnation(incarnation)),
  };
}

/**
 * Where the mailboxes of one namespace lie in shared memory: a folder of `base` for each namespace directory, so that two
 * of one name in different directories have nothing in common.
 */
export function sharedMemoryFolder(base: string, namespaceDirectory: string): string {
  return join(base, `pigeonhole-${ownUid()}-${digest(namespaceDirectory).slice(0, 16)}`);
}

/** What the files of one mailbox in that folder begin with. */
export function sharedMemoryFile(folder: string, mailbox: string): string {
  return join(folder, digest(mailbox).slice(0, 32));
}

/** The mailbox in which one run of a process gets what concerns its actors. */
export function controlName(incarnation: string): string {
  return `actors.${incarnation}`;
}

/** The mailbox of one subscription of such a run. */
export function subscriptionName(topic: string, incarnation: string, number: number): string {
  return `topic.${topic}.${incarnation}.${number}`;
}

/** Whose subscription it is; null for what `subscriptionName` does not make for that topic. */
export function subscriberOf(mailbox: string, topic: string): string | null {
  const [, incarnation, rest] = /^([0-9a-f]{16})\.(\d+)$/.exec(mailbox.slice(`topic.${topic}.`.length)) ?? [];
  return incarnation !== undefined && mailbox === subscriptionName(topic, incarnation, Number(rest))
    ? incarnation
    : null;
}

/**
 * Whether only one run of one process receives from that mailbox. Nobody comes after it: a store that keeps messages for the next
 * receiver lets such a mailbox go, with what it holds, when nobody has it open any more.
 */
export function isOwned(mailbox: string): boolean {
  return /^(actors|topic\..+)\.[0-9a-f]{16}(\.\d+)?$/.test(mailbox);
}

/**
 * A message queue of the kernel's, of one namespace directory: its POSIX name, and its System V key (a signed 32-bit number, 1 or more). `what`
 * is a mailbox, or `@` and an incarnation for the inbox of a process.
 */
export function kernelQueue(namespaceDirectory: string, what: string): { name: string; key: number } {
  const name = `/pigeonhole-${ownUid()}-${digest(namespaceDirectory).slice(0, 16)}-${what}`;
  return { name, key: Number.parseInt(digest(name).slice(0, 8), 16) & 0x7fffffff || 1 };
}

/** Which queues of the kernel's. */
export type QueueApi = 'posix' | 'sysv';

/** The file by whose lock the owner of an inbox queue is known to live, beside the place of its port. */
export function queueOwnerFile(namespaceDirectory: string, incarnation: string, api: QueueApi): string {
  return join(namespaceDirectory, `${checkIncarnation(incarnation)}.mqueue-${api}.${OWNER}`);
}

/** The inverse; null for any other file name. */
export function queueOwnerOf(fileName: string): { incarnation: string; api: QueueApi } | null {
  const match = new RegExp(`^([0-9a-f]{16})\\.mqueue-(posix|sysv)\\.${OWNER}$`).exec(fileName);
  return match === null ? null : { incarnation: match[1] as string, api: match[2] as QueueApi };
}

/** What belongs to a mailbox that is a queue of the kernel's: who has it open, and how it was made. */
export function queueRecordFile(namespaceDirectory: string, mailbox: string): string {
  checkName(mailbox, 'mailbox');
  return join(namespaceDirectory, `${mailbox}${QUEUE}`);
}

/** The inverse; null for any other file name. */
export function queueRecordOf(fileName: string): string | null {
  const mailbox = fileName.endsWith(QUEUE) ? fileName.slice(0, -QUEUE.length) : '';
  return isName(mailbox) ? mailbox : null;
}

const OWNER = 'owner';
/** No name holds a `~`, so no file of an incarnation is taken for one of these, nor the other way about. */
const QUEUE = '~queue';

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const [PRESENCE, RECORD, STAGING] = ['sock', 'json', 'new'] as const;

/**
 * Socket paths are short (see `checkSocketPath`), so a namespace of more than 24 characters becomes its first 10, `~`, and
 * 12 base-36 digits (62 bits) of its SHA-256. No name may hold a `~`: a shortened one never meets a plain one.
 */
function namespaceFolder(namespace: string): string {
  if (namespace.length <= 24) return namespace;
  const digest = BigInt(`0x${createHash('sha256').update(namespace).digest('hex')}`) % 36n ** 12n;
  return `${namespace.slice(0, 10)}~${digest.toString(36).padStart(12, '0')}`;
}

function checkTransportName(transport: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,31}$/.test(transport) && !['sock', 'json', 'new'].includes(transport))
    return transport;
  throw new PigeonholeError(
    'ERR_TRANSPORT',
    `transport name ${show(transport)} is not allowed: it has 1 to 32 characters, lower-case letters, digits and '-', ` +
      "a letter or digit first, and is none of 'sock', 'json', 'new'",
    { transport },
  );
}

/** A file of a namespace's root, read back from its name. */
export interface NamespaceFile {
  readonly incarnation: string;
  readonly kind: 'presence' | 'record' | 'port';
  /** With `kind: 'port'`, else null. */
  readonly transport: string | null;
  /** Still being made, or left by a process that died while it made it. */
  readonly staging: boolean;
}

/** The inverse of `presence`, `record`, `port` and `staging`; null for a name that none of them makes. */
export function parseNamespaceFile(fileName: string): NamespaceFile | null {
  const parts = /^([0-9a-f]{16})\.([a-z0-9][a-z0-9-]{0,31})(\.new)?$/.exec(fileName);
  const [, incarnation, suffix, staged] = parts ?? [];
  if (incarnation === undefined || suffix === undefined || suffix === STAGING) return null;
  const kind = suffix === PRESENCE ? 'presence' : suffix === RECORD ? 'record' : 'port';
  return { incarnation, kind, transport: kind === 'port' ? suffix : null, staging: staged !== undefined };
}

/** Makes or checks `directory` and the namespace's folders in it, with the guarantees of `prepareDirectory` for each. */
export async function prepareNamespace(directory: string, namespace: string): Promise<NamespacePaths> {
  const paths = namespacePaths(resolve(directory), namespace);
  await prepareDirectory(paths.directory);
  // The last process to leave removes the folders, perhaps between two of these steps; then they are made again.
  for (let attempt = 1; ; attempt++) {
    try {
      for (const path of [paths.root, paths.peers, paths.hosts]) await prepareDirectory(path);
      return paths;
    } catch (error) {
      if (attempt < 100 && hasSystemCode((error as Error).cause, 'ENOENT')) continue;
      // Whatever is not empty is somebody else's too.
      for (const path of [paths.hosts, paths.peers, paths.root]) await rmdir(path).catch(() => {});
      throw error;
    }
  }
}

/** `sun_path` holds 108 bytes with its NUL on Linux (unix(7)) and 104 on macOS and the BSDs (sys/un.h). */
const maxSocketPath = process.platform === 'linux' ? 107 : 103;

/** Throws `ERR_PATH_TOO_LONG` for a path that the kernel, or libuv by silently cutting it, would not bind or connect whole. */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= maxSocketPath) return;
  throw new PigeonholeError(
    'ERR_PATH_TOO_LONG',
    `socket path ${path} has ${length} bytes and a Unix socket's path at most ${maxSocketPath}; ` +
      "set PIGEONHOLE_DIR or the option 'directory' to a shorter path",
    { address: path },
  );
}
