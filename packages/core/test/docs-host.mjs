// Hosts the mailbox 'orders' and receives nothing, until it is killed.
import { createRuntime, mailbox } from '@pigeonhole/core';

const runtime = await createRuntime({ name: 'billing', namespace: 'docs', transport: 'uds', config: false });
await runtime.receiver(mailbox('orders', { capacity: 1 }));
process.on('disconnect', () => process.exit(1));
process.send('hosting');
