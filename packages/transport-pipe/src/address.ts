/**
 * Where a process is in the tree of those that `spawnProcess` has joined: `<tree>/<child>/<child of it>…`, the tree being 16 random
 * digits of the first process. `#<number>` names one of its ports.
 */

/** Whether `address` is the process at `root` or descends from it. */
export function isWithin(address: string, root: string): boolean {
  return address === root || (address.startsWith(root) && address[root.length] === '/');
}

export function treeOf(address: string): string {
  return address.split('/', 1)[0]!;
}

export function formatPort(process: string, port: number): string {
  return `${process}#${port}`;
}

/** Null for what is no address of a port. */
export function parsePort(address: string): { process: string; port: string } | null {
  const [, process, port] = /^([0-9a-f]{16}(?:\/\d+)*)#(\d+)$/.exec(address) ?? [];
  return process === undefined || port === undefined ? null : { process, port };
}
