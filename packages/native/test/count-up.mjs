// node count-up.mjs PATH N: with another of its kind, adds 1 to word 1 of the mapping N times.
import { mapRegion } from '@pigeonhole/native';

const [path, count] = process.argv.slice(2);
const words = new Int32Array(mapRegion(path, { length: 4096 }));
Atomics.add(words, 0, 1);
while (Atomics.load(words, 0) < 2); // both start together
for (let i = Number(count); i > 0; i--) Atomics.add(words, 1, 1);
