// node lifecycle.mjs STAGE FOLDER: one way for an environment to end while objects of the addon are in use. Exits with 0.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import {
  Bell,
  DatagramReceiver,
  DatagramSender,
  FifoReader,
  FifoWriter,
  FileLock,
  futexWait,
  futexWake,
  makeFifo,
  mapRegion,
  openDoorbell,
  PosixQueue,
  SysvQueue,
  UdpSocket,
  watchProcess,
} from '@pigeonhole/native';

const [stage, folder] = isMainThread ? process.argv.slice(2) : [workerData.stage, workerData.folder];
const path = `${folder}/${isMainThread ? 'main' : `worker-${workerData.number}`}`;

/** One queue of each kind, both waited for. The test removes the second, by the key that it finds in the folder. */
function useQueues() {
  const name = `/pigeonhole-lifecycle-${randomInt(2 ** 40)}`;
  const posix = new PosixQueue(name, { create: { maxMessages: 1, messageBytes: 8 }, onMessage() {} });
  PosixQueue.unlink(name);
  posix.watch({ message: true, room: false });
  const key = randomInt(1, 2 ** 31);
  writeFileSync(`${folder}/${key}.key`, '');
  const sysv = new SysvQueue(SysvQueue.open(key, { create: true }), { onMessage() {} });
  sysv.awaitMessage();
  return { posix, sysv };
}

/** One of each, all in use. Answers a function that rings. */
function useAll(onRing = () => {}) {
  const doorbell = openDoorbell(path, onRing);
  const region = new Int32Array(mapRegion(`${path}.map`, { length: 4096, create: true }));
  const lock = new FileLock(`${path}.lock`, { create: true });
  if (!lock.tryLock(0, 1)) throw new Error('not locked');
  const writer = new FifoWriter(path, { onRoom() {} });
  writer.awaitRoom();
  const watch = watchProcess(
    process.pid,
    () => true,
    () => {},
  );
  const bell = new Bell(path);
  const receiver = new DatagramReceiver(`${path}.dgram`, () => {});
  const sender = new DatagramSender(`${path}.dgram`);
  sender.send(Uint8Array.of(1));
  sender.awaitRoom();
  // Always with something to receive: so it is in the middle of a call when the thread ends.
  const udp = new UdpSocket('127.0.0.1', 0, (bytes, from) => udp.send(from, [bytes], () => {}));
  udp.send(udp.placeOf(udp.host, udp.port), [Uint8Array.of(1)], () => {});
  const queues = useQueues();
  globalThis.kept = { doorbell, region, lock, watch, writer, bell, receiver, sender, udp, queues };
  return () => bell.ring(Uint8Array.of(1));
}

function startWorkers(count, inWorker) {
  return Array.from({ length: count }, (_, number) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { stage: inWorker, folder, number } });
    worker.on('error', (error) => {
      console.error(error);
      process.exit(3);
    });
    return worker;
  });
}

const ready = (workers) => Promise.all(workers.map((worker) => once(worker, 'message')));

const inMain = {
  'exit after use': () => {
    useAll();
    process.exit();
  },
  'exit in a callback': () => useAll(() => process.exit())(),
  'an exception in a callback is an uncaught one': () => {
    process.once('uncaughtException', (error) => process.exit(error.message === 'thrown' ? 0 : 4));
    useAll(() => {
      throw new Error('thrown');
    })();
  },
  'microtasks and ticks run after a callback': async () => {
    const { promise, resolve } = withResolvers();
    useAll(() => queueMicrotask(() => process.nextTick(resolve)))();
    await promise;
    process.exit();
  },
  'end by itself, all closed': () => {
    useAll();
    const { doorbell, lock, watch, writer, bell, receiver, sender, udp, queues } = globalThis.kept;
    const all = [doorbell, lock, watch, writer, bell, receiver, sender, udp, queues.posix, queues.sysv];
    for (const one of [...all, ...all]) one.close();
    receiver.ref();
    udp.ref();
    doorbell.ref();
    doorbell.resume();
  },
  'end by itself, what is open not referenced': () => {
    useAll();
    globalThis.kept.doorbell.unref();
    globalThis.kept.receiver.unref();
    globalThis.kept.udp.unref();
  },
  'close in a callback': () => {
    useAll(() => {
      globalThis.kept.doorbell.close();
      globalThis.kept.writer.close();
      globalThis.kept.receiver.close();
      globalThis.kept.udp.close();
      globalThis.kept.sender.close();
    })();
  },
  'what was closed is collected': async () => {
    const kinds = [
      () => new UdpSocket('127.0.0.1', 0, () => {}),
      (name) => new DatagramReceiver(name, () => {}),
      (name) => openDoorbell(name, () => {}),
      (name) => {
        makeFifo(name);
        return new FifoReader(name, () => {});
      },
    ];
    for (const [kind, make] of kinds.entries()) {
      const closed = Array.from({ length: 20 }, (_, number) => {
        const object = make(`${path}.${kind}.${number}`);
        object.close();
        return new WeakRef(object);
      });
      // The last may still be on the stack. Where they stay for ever, the test's watchdog ends this.
      while (closed.filter((each) => each.deref() !== undefined).length > 1) {
        await new Promise(setImmediate);
        globalThis.gc();
      }
    }
  },
  'collect what was closed': async () => {
    const receiver = new DatagramReceiver(`${path}.dgram`, () => {});
    for (let i = 0; i < 100; i++) {
      const fifo = `${path}.${i}`;
      makeFifo(fifo);
      const reader = new FifoReader(fifo, () => {});
      new FifoWriter(fifo); // never closed: the collector does it
      new FileLock(fifo);
      new DatagramReceiver(`${fifo}.dgram`, () => {}).close();
      new DatagramSender(`${path}.dgram`);
      new UdpSocket('127.0.0.1', 0, () => {}).close();
      reader.close();
      globalThis.gc();
      await new Promise(setImmediate);
    }
    receiver.close();
  },
  'many workers end by themselves': async () => {
    const workers = startWorkers(6, 'use and end');
    const codes = await Promise.all(workers.map((worker) => once(worker, 'exit')));
    if (codes.some(([code]) => code !== 0)) process.exit(5);
  },
  'many workers are terminated in use': async () => {
    const workers = startWorkers(6, 'use');
    await ready(workers);
    await Promise.all(workers.map((worker) => worker.terminate()));
  },
  'workers are terminated while they are called back': async () => {
    const workers = startWorkers(3, 'ring for ever');
    await ready(workers);
    await Promise.all(workers.map((worker) => worker.terminate()));
  },
  'a worker is terminated in its sleep': async () => {
    const [worker] = startWorkers(1, 'sleep');
    await ready([worker]);
    await worker.terminate();
  },
  'exit while a worker sleeps': async () => {
    await ready(startWorkers(1, 'sleep'));
    process.exit();
  },
  'exit while workers use all': async () => {
    await ready(startWorkers(3, 'ring for ever'));
    process.exit();
  },
  'a signal does not end a sleep': async () => {
    process.on('SIGUSR2', () => {});
    const [worker] = startWorkers(1, 'sleep until word 2');
    const [shared] = await once(worker, 'message');
    const words = new Int32Array(mapRegion(shared, { length: 4096 }));
    for (let i = 0; i < 20; i++) {
      spawnSync('kill', ['-USR2', `${process.pid}`]);
      await new Promise(setImmediate);
    }
    Atomics.store(words, 2, 1);
    futexWake(words, 2);
    const [code] = await once(worker, 'exit');
    process.exit(code);
  },
};

const inWorker = {
  use: () => {
    useAll();
    parentPort.postMessage('ready');
  },
  'use and end': () => {
    useAll();
    globalThis.kept.doorbell.unref();
    globalThis.kept.receiver.unref();
    globalThis.kept.udp.unref();
  },
  'ring for ever': () => {
    const ring = useAll(() => ring());
    ring();
    parentPort.postMessage('ready');
  },
  sleep: () => {
    const words = new Int32Array(mapRegion(`${path}.map`, { length: 4096, create: true }));
    parentPort.postMessage('ready');
    futexWait(words, 0, 0);
  },
  'sleep until word 2': () => {
    const words = new Int32Array(mapRegion(`${path}.map`, { length: 4096, create: true }));
    parentPort.postMessage(`${path}.map`);
    const result = futexWait(words, 2, 0);
    process.exit(result === 'timed-out' || Atomics.load(words, 2) !== 1 ? 6 : 0);
  },
};

function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

if (isMainThread && stage === '--list') console.log(JSON.stringify(Object.keys(inMain)));
else await (isMainThread ? inMain : inWorker)[stage]();
