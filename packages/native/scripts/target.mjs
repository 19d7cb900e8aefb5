import { closeSync, openSync, readSync } from 'node:fs';

/** `<platform>-<arch>-<libc>` of this Node.js, as src/load.ts has it. */
export function targetName() {
  const head = Buffer.alloc(4096);
  const fd = openSync(process.execPath, 'r');
  readSync(fd, head);
  closeSync(fd);
  // The name of the dynamic linker stands near the start of an ELF file.
  const libc = head.includes('/ld-musl-') ? 'musl' : 'glibc';
  return `${process.platform}-${process.arch}-${libc}`;
}
