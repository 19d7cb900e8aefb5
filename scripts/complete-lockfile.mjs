// Completes package-lock.json after a dependency change: `npm run lockfile`.
//
// A registry mirror may lack the binaries of platforms it does not serve. npm then leaves those optional
// packages out of the lock file, and every later `npm ci` refuses it as incomplete. This adds the entries
// (exact version, platform fields, no integrity since nobody here has seen the tarball). It also refuses a
// lock file that names a registry host.
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8'));
const packages = lock.packages;

const systems = [
  ['android', 'android'],
  ['darwin', 'darwin'],
  ['freebsd', 'freebsd'],
  ['linux', 'linux'],
  ['netbsd', 'netbsd'],
  ['openbsd', 'openbsd'],
  ['openharmony', 'openharmony'],
  ['sunos', 'sunos'],
  ['windows', 'win32'],
  ['win32', 'win32'],
  ['aix', 'aix'],
];
const processors = ['arm64', 'arm', 'x64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'mips64el'];

/** The os, cpu and libc fields that a platform package's name spells, as npm writes them. */
function platformOf(name) {
  const words = name.slice(name.indexOf('/') + 1).split(/[-.]/);
  const system = systems.find(([word]) => words.includes(word));
  const processor =
    processors.find((word) => words.includes(word)) ?? (words.includes('64') ? 'x64' : undefined);
  if (!system) return undefined;
  const libc = words.some((w) => w.startsWith('musl')) ? 'musl' : words.includes('gnu') ? 'glibc' : undefined;
  return {
    os: [system[1]],
    ...(processor ? { cpu: [processor] } : {}),
    ...(libc && system[1] === 'linux' ? { libc: [libc] } : {}),
  };
}

/** Whether a package at `from` finds `name`, by the walk up the node_modules folders. */
function found(from, name) {
  for (let folder = from; ; ) {
    if (packages[`${folder ? `${folder}/` : ''}node_modules/${name}`]) return true;
    if (folder === '') return false;
    const cut = folder.lastIndexOf('/node_modules/');
    folder = cut === -1 ? '' : folder.slice(0, cut);
  }
}

const added = [];
for (const [from, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (found(from, name)) continue;
    const platform = platformOf(name);
    if (!platform || !/^\d+\.\d+\.\d+/.test(version)) {
      console.error(`package-lock.json: no entry for ${name}@${version}, wanted by ${from}`);
      process.exitCode = 1;
      continue;
    }
    packages[`node_modules/${name}`] = {
      version,
      cpu: platform.cpu,
      ...(entry.dev ? { dev: true } : {}),
      ...(platform.libc ? { libc: platform.libc } : {}),
      optional: true,
      os: platform.os,
    };
    added.push(`${name}@${version}`);
  }
}

for (const [name, entry] of Object.entries(packages)) {
  if (/^[a-z+]+:\/\//.test(entry.resolved ?? '')) {
    console.error(`package-lock.json: ${name} names a host: delete its "resolved" line`);
    process.exitCode = 1;
  }
}

if (added.length > 0) {
  lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
}
console.log(
  added.length > 0 ? `added ${added.length}: ${added.join(', ')}` : 'package-lock.json is complete',
);
