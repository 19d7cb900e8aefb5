// node wait-for-word.mjs PATH: sleeps until word 0 of the mapping is not 0.
import { futexWait, mapRegion } from '@pigeonhole/native';

const words = new Int32Array(mapRegion(process.argv[2], { length: 4096 }));
Atomics.store(words, 1, 1);
while (Atomics.load(words, 0) === 0) futexWait(words, 0, 0);
