// node hold-lock.mjs PATH: holds bytes 0 to 9 of the file until it is killed.
import { FileLock } from '@pigeonhole/native';

const lock = new FileLock(process.argv[2]);
if (!lock.tryLock(0, 10)) process.exit(1);
console.log('held');
setInterval(() => lock.isHeldByAnother(0, 1), 2 ** 30);
