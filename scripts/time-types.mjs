// npm run time-types [-- COUNT]: processor time that TypeScript takes over so many actors (200) and their callers.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import ts from 'typescript';
import { root } from './run.mjs';

const count = Number(process.argv[2] ?? 200);
const folder = `${root}/node_modules/.cache/actor-types`;

/** One actor with four handlers and a stream, and a module that uses each, and some of them wrongly. */
function write(n) {
  writeFileSync(
    `${folder}/actor-${n}.ts`,
    `import { defineActor } from '@pigeonhole/core';
export interface Item${n} { sku: string; quantity: number; tags: { key${n}: string }[] }
export const actor${n} = defineActor('actor-${n}', {
  state: (args: { size: number }) => ({ items: new Map<string, Item${n}>(), ...args }),
  handlers: {
    add(ctx, item: Item${n}) { ctx.state.items.set(item.sku, item); },
    find: (ctx, sku: string): Item${n} | null => ctx.state.items.get(sku) ?? null,
    async total(ctx) { return [...ctx.state.items.values()].reduce((sum, { quantity }) => sum + quantity, 0); },
    clear(ctx) { ctx.state.items.clear(); },
    async *all(ctx, from: number) { yield* [...ctx.state.items.values()].slice(from); },
  },
  mailbox: { capacity: 256 },
});
`,
  );
  writeFileSync(
    `${folder}/caller-${n}.ts`,
    `import type { Runtime } from '@pigeonhole/core';
import type { actor${n}, Item${n} } from './actor-${n}.js';
export async function call${n}(runtime: Runtime, item: Item${n}): Promise<number> {
  const ref = runtime.ref<typeof actor${n}>('actor-${n}');
  await ref.tell.add(item, { timeout: 5 });
  const found: Item${n} | null = await ref.ask.find(item.sku);
  for await (const { tags } of ref.stream.all(0)) await ref.ask.find(tags[0]?.key${n} ?? found?.sku ?? '');
  // @ts-expect-error no such handler
  await ref.tell.ad(item);
  // @ts-expect-error wrong argument
  await ref.ask.find(3);
  return ref.ask.total();
}
`,
  );
}

/** Seconds of processor time since `before`: what the machine does otherwise does not count. */
function secondsSince(before) {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** Checks the modules as a project with these settings would; returns what there is to say against them. */
function check(names) {
  const start = process.cpuUsage();
  const program = ts.createProgram(names, {
    ...{ target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, types: ['node'] },
    ...{ moduleResolution: ts.ModuleResolutionKind.NodeNext, strict: true, noEmit: true, skipLibCheck: true },
  });
  const parsed = secondsSince(start);
  const complaints = ts.getPreEmitDiagnostics(program);
  const all = secondsSince(start);
  return { parsed, checked: all - parsed, all, complaints, instantiations: program.getInstantiationCount() };
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
try {
  writeFileSync(`${folder}/package.json`, '{ "type": "module" }');
  for (let n = 0; n < count; n++) write(n);
  const names = Array.from({ length: count }, (_, n) => [`actor-${n}.ts`, `caller-${n}.ts`]).flat();
  const { parsed, checked, all, complaints, instantiations } = check(
    names.map((name) => `${folder}/${name}`),
  );
  for (const { messageText } of complaints) console.error(ts.flattenDiagnosticMessageText(messageText, '\n'));
  console.log(
    `${count} actors, ${instantiations} instantiations: ${all.toFixed(1)} s of processor time, of it ` +
      `${parsed.toFixed(1)} s to read and ${checked.toFixed(1)} s to check`,
  );
  process.exitCode = complaints.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
