// node use.mjs ENTRIES TRANSPORTS (two JSON arrays): loads every entry, then passes a message over each transport.
import assert from 'node:assert/strict';
import { createRuntime, mailbox } from '@pigeonhole/core';

const [entries, transports] = process.argv.slice(2).map((text) => JSON.parse(text));
for (const entry of entries) assert.notDeepEqual(Object.keys(await import(entry)), [], entry);
for (const transport of transports) {
  const runtime = await createRuntime({ name: 'esm', namespace: 'pack', transport });
  const letters = mailbox('letters', { capacity: 1 });
  const receiver = await runtime.receiver(letters);
  await runtime.send(letters, { to: transport });
  assert.deepEqual((await receiver.receive()).body, { to: transport });
  await runtime.close();
}
