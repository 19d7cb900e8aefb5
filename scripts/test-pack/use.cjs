// node use.cjs ENTRIES TRANSPORTS (two JSON arrays): loads every entry, then passes a message over each transport.
const assert = require('node:assert/strict');
const { createRuntime, mailbox } = require('@pigeonhole/core');

const [entries, transports] = process.argv.slice(2).map((text) => JSON.parse(text));
for (const entry of entries) assert.notDeepEqual(Object.keys(require(entry)), [], entry);

async function pass(transport) {
  const runtime = await createRuntime({ name: 'cjs', namespace: 'pack', transport });
  const letters = mailbox('letters', { capacity: 1 });
  const receiver = await runtime.receiver(letters);
  await runtime.send(letters, { to: transport });
  assert.deepEqual((await receiver.receive()).body, { to: transport });
  await runtime.close();
}

transports.reduce((before, transport) => before.then(() => pass(transport)), Promise.resolve());
