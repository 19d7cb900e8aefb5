// The C++ sources of the addon, for binding.gyp: two files, made here, which include all of src. Most of what compiling a file
// takes is the headers of node-addon-api, so one by one they take more than twice the processor time; two are for two processors. Those of
// shared memory are together, for the compiler to see through their calls. And one as it is: it defines what others declare.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';

const alone = 'libc_floor.cc';
const names = readdirSync('src', { recursive: true })
  .filter((name) => name.endsWith('.cc') && name !== alone)
  .sort();
const isShm = (name) => name.startsWith('shm');

mkdirSync('build/sources', { recursive: true });
for (const [part, included] of [
  ['shm', names.filter(isShm)],
  ['others', names.filter((name) => !isShm(name))],
]) {
  const file = `build/sources/${part}.cc`;
  writeFileSync(file, included.map((name) => `#include "../../src/${name}"\n`).join(''));
  console.log(file);
}
console.log(`src/${alone}`);
