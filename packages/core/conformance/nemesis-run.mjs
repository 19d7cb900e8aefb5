// node packages/core/conformance/nemesis-run.mjs [--transport uds] [--kills 200] [--seed 1] [--verbose]
// A transport with options is JSON: --transport '{"use":"uds","socket":"dgram"}'
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createRuntime } from '@pigeonhole/core';
import { nemesis } from '@pigeonhole/core/conformance';
import { sharedMemoryFolder } from '@pigeonhole/core/transport';

const { values } = parseArgs({
  options: {
    transport: { type: 'string', default: 'uds' },
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
  },
});
const { verbose } = values;
const transport = values.transport.startsWith('{') ? JSON.parse(values.transport) : values.transport;
const { use, ...options } = typeof transport === 'string' ? { use: transport } : transport;
// A family of processes is started in the transport's own way.
const { default: make, spawnProcess: startProcess } = await import(`@pigeonhole/transport-${use}`);
const { lacks } = make(options).capabilities;
const report = await nemesis({
  transport,
  ...(startProcess && { startProcess }),
  ...(lacks && { lacks }),
  createRuntime,
  kills: Number(values.kills),
  seed: Number(values.seed),
  log: verbose ? console.log : undefined,
  // Shared memory keeps what nobody has received.
  discard: (directory) => rmSync(sharedMemoryFolder('/dev/shm', directory), { recursive: true, force: true }),
});
console.log(`nemesis on ${values.transport}, seed ${values.seed}: every message accounted for`);
console.table(report);
