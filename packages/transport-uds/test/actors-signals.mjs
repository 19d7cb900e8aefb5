// A service that stops in good order: node actors-signals.mjs DIRECTORY DEADLINE
import { createRuntime, defineActor, stopOnSignals } from '@pigeonhole/core';

const worker = defineActor('worker', {
  state: () => ({ done: 0 }),
  handlers: {
    async work(ctx, milliseconds) {
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      ctx.state.done++;
      return ctx.state.done;
    },
    forEver: () => new Promise(() => {}),
  },
});

const runtime = await createRuntime({
  name: 'service',
  namespace: 'signals',
  directory: process.argv[2],
  transport: 'uds',
  logger: false,
});
await runtime.spawn(worker);
stopOnSignals(runtime, { deadline: Number(process.argv[3]), report: (report) => process.send({ report }) });
process.send({ ready: true });
