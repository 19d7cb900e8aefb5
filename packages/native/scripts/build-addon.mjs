// Builds the addon into prebuilds/<platform>-<arch>-<libc>/, where src/load.ts finds it.
//
//   node scripts/build-addon.mjs              for this machine
//   node scripts/build-addon.mjs --all        and for the others that can be compiled for here (npm run prebuild:all)
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { targetName } from './target.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');

/** Cross compilers of Debian, by what they compile for. */
const cross = {
  'linux-arm64-glibc': {
    CC: 'aarch64-linux-gnu-gcc',
    CXX: 'aarch64-linux-gnu-g++',
    package: 'g++-aarch64-linux-gnu',
  },
  'linux-x64-glibc': {
    CC: 'x86_64-linux-gnu-gcc',
    CXX: 'x86_64-linux-gnu-g++',
    package: 'g++-x86-64-linux-gnu',
  },
};

function fail(message) {
  console.error(message);
  process.exit(1);
}

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

function requireTools() {
  const compiler = process.env.CXX ?? 'g++';
  const missing = [compiler, 'make', 'python3'].filter((program) => !has(program));
  if (missing.length > 0)
    fail(
      `@pigeonhole/native needs ${missing.join(', ')} to be built; on Debian: apt-get install --no-install-recommends g++ make python3`,
    );
}

function compile(target, env) {
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
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
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
const own = targetName();
for (const [target, { package: debian, ...env }] of values.all ? Object.entries(cross) : []) {
  if (target === own) continue;
  if (!has(env.CXX)) fail(`no compiler for ${target}; on Debian: apt-get install ${debian}`);
  compile(target, env);
}
compile(own, {});
