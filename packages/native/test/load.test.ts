import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { makePipe, nativeProblem, peerCredentials, targetName } from '@pigeonhole/native';
import { expect, test } from 'vitest';
import { scratch } from './scratch.js';

const package_ = fileURLToPath(new URL('..', import.meta.url));

test('the build has put the binary where it is found', () => {
  expect(nativeProblem()).toBe(undefined);
  expect(existsSync(`${package_}prebuilds/${targetName()}/pigeonhole.node`)).toBe(true);
});

test('ES modules and CommonJS share one binary', () => {
  const common = createRequire(import.meta.url)('@pigeonhole/native') as typeof import('@pigeonhole/native');
  expect(common.nativeProblem()).toBe(undefined);
});

test('without the binary every call says what still works', () => {
  const program = `
    import * as native from '@pigeonhole/native';
    for (const call of [
      () => native.makePipe(),
      () => native.mapRegion('/nowhere', { length: 1 }),
      () => native.makeFifo('/nowhere'),
      () => new native.FifoReader('/nowhere', () => {}),
      () => new native.FifoWriter('/nowhere'),
      () => new native.FileLock('/nowhere'),
      () => new native.Bell('/nowhere').ring(Uint8Array.of(1)),
      () => native.futexWake(new Int32Array(1), 0),
      () => native.peerCredentials(0),
      () => native.watchProcess(1, () => true, () => {}),
    ])
      try {
        call();
        console.log('no error from', String(call));
      } catch (error) {
        console.log(error.code, /memory, uds, tcp and udp work/.test(error.message));
      }`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: package_,
    env: { ...process.env, PIGEONHOLE_NATIVE: 'off' },
    encoding: 'utf8',
  });
  expect(printed.trim().split('\n')).toEqual(Array(10).fill('ERR_NATIVE_UNAVAILABLE true'));
});

test('a pipe is a pipe, and closed on exec', () => {
  const { read, write } = makePipe();
  const fs = createRequire(import.meta.url)('node:fs') as typeof import('node:fs');
  for (const fd of [read, write]) expect(fs.readlinkSync(`/proc/self/fd/${fd}`)).toMatch(/^pipe:\[\d+\]$/);
  for (const fd of [read, write])
    expect(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(/flags:\s+0?2\d{6}/); // O_CLOEXEC
  for (const fd of [read, write]) fs.closeSync(fd);
});

test('a pipe holds as much as was asked for, as far as the system lets it', () => {
  const largest = Number(readFileSync('/proc/sys/fs/pipe-max-size', 'utf8'));
  for (const [asked, holds] of [
    [0, 65_536],
    [131_072, largest < 131_072 ? 65_536 : 131_072],
  ] as const) {
    const { read, write } = makePipe(asked);
    const end = openSync(`/proc/self/fd/${write}`, constants.O_WRONLY | constants.O_NONBLOCK);
    let written = 0;
    const fill = (): void => {
      for (;;) written += writeSync(end, Buffer.alloc(4096));
    };
    expect(fill).toThrow('EAGAIN');
    expect(written).toBe(holds);
    for (const fd of [read, write, end]) closeSync(fd);
  }
});

test('the credentials of a peer are those of its process', async () => {
  const path = scratch();
  const seen = await new Promise<unknown>((resolve, reject) => {
    const server = createServer((socket) => {
      resolve(peerCredentials(socket));
      socket.destroy();
      expect(() => peerCredentials(socket)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
      server.close();
    });
    server.listen(path, () => {
      const program = `require('node:net').connect(${JSON.stringify(path)})`;
      execFileAsync(program).catch(reject);
    });
  });
  expect(seen).toEqual({ pid: expect.any(Number), uid: process.getuid?.(), gid: process.getgid?.() });
  expect((seen as { pid: number }).pid).not.toBe(process.pid);
});

async function execFileAsync(program: string): Promise<void> {
  const { execFile } = await import('node:child_process');
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, ['-e', program], (error) => (error ? reject(error) : resolve()));
  });
}
