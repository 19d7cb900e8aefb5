import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { targetName } from '@pigeonhole/native';
import { afterAll, expect, test } from 'vitest';

const prebuilds = fileURLToPath(new URL('../prebuilds/', import.meta.url));
const sources = fileURLToPath(new URL('libc/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-libc-'));
const warnings = ['-Wall', '-Wextra', '-Werror'];

afterAll(() => rmSync(folder, { recursive: true }));

const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
/** Without the static C++ library `npm run build` makes a binary for systems like this one only. */
const isPortable = execFileSync('g++', ['-print-file-name=libstdc++.a'], { encoding: 'utf8' }).startsWith(
  '/',
);
const withMusl = isPortable && has('musl-gcc');
if (!withMusl) console.log('Without musl-gcc (Debian: musl-tools) nothing is tried on musl');

function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const binary = (target: string) => `${prebuilds}${target}/pigeonhole.node`;

/** What a binary needs of others, as `name` or `name@version`, and whether it can do without. */
function needed(target: string): { symbol: string; weak: boolean }[] {
  const printed = execFileSync('readelf', ['-W', '--dyn-syms', binary(target)], { encoding: 'utf8' });
  return printed
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , , binding, , section]) => section === 'UND' && binding !== 'LOCAL')
    .map(([, , , , binding, , , symbol]) => ({ symbol: symbol ?? '', weak: binding === 'WEAK' }));
}

/** Whether Debian 10 and RHEL 8 have it, on whose C library (2.28) Node.js 20 itself runs. */
function isOldEnough(symbol: string): boolean {
  const [, major, minor] = /@GLIBC_(\d+)\.(\d+)/.exec(symbol) ?? [];
  return Number(major) === 2 && Number(minor) <= 28;
}

const ofNode = ({ symbol }: { symbol: string }) => /^(napi|uv)_/.test(symbol);

test.runIf(isPortable && header.glibcVersionRuntime).each(readdirSync(prebuilds))(
  '%s needs the C library alone, none younger than that of Node.js 20',
  (target) => {
    const dynamic = execFileSync('readelf', ['-W', '-d', binary(target)], { encoding: 'utf8' });
    expect(dynamic.match(/(?<=\(NEEDED\).*\[).*(?=\])/g)).toEqual(['libc.so.6']);
    const others = needed(target).filter((one) => !ofNode(one));
    expect(others.length).toBeGreaterThan(50);
    expect(others.filter(({ symbol, weak }) => !weak && !isOldEnough(symbol))).toEqual([]);
  },
);

test.runIf(withMusl)('musl lays out and numbers what the addon uses as glibc does', () => {
  const printed = ['gcc', 'musl-gcc'].map((compiler) => {
    const program = join(folder, `layout-${compiler}`);
    execFileSync(compiler, [...warnings, '-o', program, `${sources}layout.c`]);
    return execFileSync(program, { encoding: 'utf8' }).split('\n');
  });
  expect(printed[0]?.length).toBeGreaterThan(80);
  expect(printed[1]).toEqual(printed[0]);
});

test.runIf(withMusl)('the addon loads on musl, every symbol found, and throws and catches there', () => {
  const own = readFileSync(`${sources}host.c`, 'utf8');
  const nothing = needed(targetName())
    .filter((one) => ofNode(one) && !own.includes(` ${one.symbol}(`))
    .map(({ symbol }) => `NOTHING(${symbol})\n`);
  writeFileSync(join(folder, 'nothing.inc'), nothing.join(''));
  const program = join(folder, 'host');
  execFileSync('musl-gcc', [...warnings, '-rdynamic', `-I${folder}`, '-o', program, `${sources}host.c`]);
  const printed = execFileSync(program, [binary(targetName())], { encoding: 'utf8' });
  expect(printed).toBe('Node-API 8\n1 failed, 1 thrown\n');
});
