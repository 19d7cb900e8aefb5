// node --expose-gc collect.mjs PATH: exits once every mapping of PATH has gone.
import { readFileSync } from 'node:fs';
import { mapRegion } from '@pigeonhole/native';

const path = process.argv[2];
const count = () => readFileSync('/proc/self/maps', 'utf8').split(path).length - 1;
let kept = new Uint8Array(mapRegion(path, { length: 4096, create: true }));
for (let i = 0; i < 10; i++) mapRegion(path, { length: 4096 });
if (count() !== 11) throw new Error(`${count()} mappings`);
do {
  globalThis.gc();
  await new Promise(setImmediate);
} while (count() > 1);
kept[0] = 1; // the one in use has stayed
kept = undefined;
do {
  globalThis.gc();
  await new Promise(setImmediate);
} while (count() > 0);
