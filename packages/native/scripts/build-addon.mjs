// Builds the addon into prebuilds/<platform>-<arch>/, where src/load.ts finds it.
//
//   node scripts/build-addon.mjs              for this machine
//   node scripts/build-addon.mjs --all        and for the other processor (npm run prebuild:all)
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeLibcFloor } from './libc-floor.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');

/** Cross compilers of Debian, by what they compile for. */
const cross = {
  'linux-arm64': {
    CC: 'aarch64-linux-gnu-gcc',
    CXX: 'aarch64-linux-gnu-g++',
    package: 'g++-aarch64-linux-gnu',
  },
  'linux-x64': {
    CC: 'x86_64-linux-gnu-gcc',
    CXX: 'x86_64-linux-gnu-g++',
    package: 'g++-x86-64-linux-gnu',
  },
};

/** The compiler for this machine. */
const CXX = process.env.CXX ?? 'g++';

function fail(message) {
  console.error(message);
  process.exit(1);
}

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

function requireTools() {
  const missing = [CXX, 'make', 'python3'].filter((program) => !has(program));
  if (missing.length > 0)
    fail(
      `@pigeonhole/native needs ${missing.join(', ')} to be built; on Debian: apt-get install --no-install-recommends g++ make python3`,
    );
}

/** Whether the C++ library is there to be put inside: some systems have it as a package of its own (Fedora: libstdc++-static). */
function hasStaticLibrary(compiler) {
  const found = spawnSync(compiler, ['-print-file-name=libstdc++.a'], { encoding: 'utf8' });
  return found.status === 0 && found.stdout.trim() !== 'libstdc++.a'; // a mere name: not found
}

/** `portable`: for all systems with that processor; else for those like this one, which is all that `npm run build` is for. */
function compile(target, compiler, portable) {
  const arch = target.split('-')[1];
  // 'rebuild' starts from nothing: objects of another processor may lie in build.
  const args = [
    nodeGyp,
    'rebuild',
    '--release',
    `--arch=${arch}`,
    '--jobs=2',
    '--nodedir=gyp',
    '--loglevel=warn',
    '--',
    `-Dportable=${portable ? 1 : 0}`,
  ];
  const floor = mkdtempSync(join(tmpdir(), 'pigeonhole-floor-'));
  const hasFloor = portable && writeLibcFloor(floor, compiler.CXX);
  const LDFLAGS = `${process.env.LDFLAGS ?? ''} ${hasFloor ? `-L${floor}` : ''}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...compiler, LDFLAGS },
    encoding: 'utf8',
  });
  rmSync(floor, { recursive: true });
  if (status !== 0) fail(`${stdout ?? ''}${stderr ?? ''}\nthe addon for ${target} does not build`);
  const folder = `${root}prebuilds/${target}`;
  mkdirSync(folder, { recursive: true });
  copyFileSync(`${root}build/Release/pigeonhole.node`, `${folder}/pigeonhole.node`);
  console.log(`prebuilds/${target}/pigeonhole.node`);
}

const { values } = parseArgs({ options: { all: { type: 'boolean', default: false } } });
if (process.platform !== 'linux') {
  console.log('@pigeonhole/native: the addon is for Linux; without it memory, uds, tcp and udp work');
  process.exit(0);
}
requireTools();
rmSync(`${root}prebuilds`, { recursive: true, force: true }); // of other sources than now
const own = `linux-${process.arch}`;
for (const [target, { package: debian, ...compiler }] of values.all ? Object.entries(cross) : []) {
  if (target === own) continue;
  if (!has(compiler.CXX)) fail(`no compiler for ${target}; on Debian: apt-get install ${debian}`);
  compile(target, compiler, true);
}
// For other processors than those of `cross` a binary is only made where it is to run.
const portable = own in cross && hasStaticLibrary(CXX);
if (values.all && !portable) fail(`no libstdc++.a for ${CXX}; on Fedora: dnf install libstdc++-static`);
compile(own, { CXX }, portable);
