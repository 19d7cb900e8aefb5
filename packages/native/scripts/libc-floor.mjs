// What the addon is linked against in place of the C library of the machine that builds it, which may be newer than those it is to
// load on: a library of the same name, without code, with the same symbols but none younger than `floor`, and of each the version
// that was the newest then.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The C library that Node.js 20 itself asks for. */
const floor = 'GLIBC_2.28';

/** 2028 for GLIBC_2.28; NaN for what has no number (GLIBC_PRIVATE) or is of another library. */
function age(version) {
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) * 1000 + Number(minor);
}

function run(program, ...args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${error?.message ?? stderr}`);
  return stdout;
}

/** Of each symbol that `library` defines, the newest version up to `floor`, and whether it is data. */
function symbols(library) {
  const chosen = new Map();
  for (const line of run('readelf', '-W', '--dyn-syms', library).split('\n')) {
    const [, , , type, binding, , section, versioned = ''] = line.trim().split(/\s+/);
    const [name, version] = versioned.split(/@+/);
    if (!version || section === 'UND' || section === 'ABS' || binding === 'LOCAL') continue;
    if (!(age(version) <= age(floor)) || age(version) < age(chosen.get(name)?.version ?? version)) continue;
    chosen.set(name, { version, data: type === 'OBJECT' });
  }
  return chosen;
}

/** Writes `folder/libc.so` for the compiler `cxx`; false where the C library has no versions (musl). */
export function writeLibcFloor(folder, cxx) {
  const libc = run(cxx, '-print-file-name=libc.so.6').trim();
  if (libc === 'libc.so.6') return false; // not found
  // The dynamic linker has some of what belongs to the C library: __tls_get_addr, __stack_chk_guard.
  const [linker] = /ld-linux[^\]]*/.exec(run('readelf', '-W', '-d', libc)) ?? [];
  const all = new Map([...(linker ? symbols(join(dirname(libc), linker)) : []), ...symbols(libc)]);
  const assembler = [...all].map(([name, { data }]) => {
    const [section, type] = data ? ['.data', '%object'] : ['.text', '%function'];
    return `${section}\n.globl ${name}\n.type ${name}, ${type}\n${name}: .quad 0\n.size ${name}, 8\n`;
  });
  writeFileSync(join(folder, 'libc.s'), assembler.join(''));
  writeFileSync(join(folder, 'libc.map'), script(all));
  const flags = ['-shared', '-nostdlib', '-Wl,-soname,libc.so.6', `-Wl,--version-script=${folder}/libc.map`];
  run(cxx, ...flags, '-o', join(folder, 'libc.so'), join(folder, 'libc.s'));
  return true;
}

function script(all) {
  const byVersion = new Map();
  for (const [name, { version }] of all) byVersion.set(version, [...(byVersion.get(version) ?? []), name]);
  return [...byVersion].map(([version, names]) => `${version} { ${names.join('; ')}; };\n`).join('');
}
