// npm run new-transport -- NAME [--into FOLDER]: a transport package that works at once, from templates/transport.
// It goes to packages/transport-NAME (or FOLDER/transport-NAME). docs/adding-a-transport.md says how to go on.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root, runInstalled } from './run.mjs';

const template = join(root, 'templates/transport');
// The names of core's own files in a namespace directory (packages/core/src/naming.ts), and its built-in transport.
const TAKEN = ['sock', 'json', 'new', 'memory'];

function fail(message) {
  console.error(message);
  process.exit(2);
}

function readArguments() {
  const usage = 'usage: npm run new-transport -- NAME [--into FOLDER]';
  try {
    const options = { into: { type: 'string', default: join(root, 'packages') } };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (positionals.length !== 1) fail(usage);
    return { name: positionals[0], folder: join(resolve(values.into), `transport-${positionals[0]}`) };
  } catch (error) {
    return fail(`${error.message}\n${usage}`);
  }
}

function check(name, folder) {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 32 || TAKEN.includes(name))
    fail(
      `a transport cannot be called ${JSON.stringify(name)}: a name has 1 to 32 characters, lower-case letters and digits ` +
        `in words joined by '-', a letter first, and is none of ${TAKEN.join(', ')}`,
    );
  if (existsSync(folder)) fail(`${relative(process.cwd(), folder)} is there already`);
}

/** `shared-files` for the words of the template that are made from `sample`. */
function replacer(name) {
  const pascal = name.replace(/(^|-)([a-z0-9])/g, (_, __, letter) => letter.toUpperCase());
  const camel = pascal[0].toLowerCase() + pascal.slice(1);
  return (text) =>
    text
      .replaceAll('sampleTransport', `${camel}Transport`)
      .replaceAll('Sample', pascal)
      .replaceAll('sample', name);
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** The version and the range of core that the other packages have by now. */
function currentVersions() {
  const { version } = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8'));
  const like = JSON.parse(readFileSync(join(root, 'packages/transport-uds/package.json'), 'utf8'));
  const core = '@pigeonhole/core';
  return {
    version,
    peerDependencies: { [core]: like.peerDependencies[core] },
    devDependencies: { [core]: like.devDependencies[core] },
  };
}

function copy(name, folder) {
  const replace = replacer(name);
  mkdirSync(folder, { recursive: true });
  cpSync(template, folder, {
    recursive: true,
    filter: (path) => !/^(node_modules|dist|\.turbo)$/.test(relative(template, path)),
  });
  for (const file of filesIn(folder)) writeFileSync(file, replace(readFileSync(file, 'utf8')));
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const path = join(folder, 'package.json');
  const manifest = { ...JSON.parse(readFileSync(path, 'utf8')), ...currentVersions() };
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Lines that a longer or shorter name wraps differently. Without Biome they stay as they are. */
async function format(folder) {
  const biome = '@biomejs/biome/bin/biome';
  if (!existsSync(join(root, 'node_modules', biome))) return;
  const { code, printed } = await runInstalled(
    biome,
    ['check', '--write', '--vcs-use-ignore-file=false', folder],
    { capture: true },
  );
  if (code !== 0) throw new Error(`Biome refuses the new package:\n${printed}`);
}

const { name, folder } = readArguments();
check(name, folder);
try {
  copy(name, folder);
  await format(folder);
} catch (error) {
  rmSync(folder, { recursive: true, force: true });
  throw error;
}
console.log(`${relative(process.cwd(), folder)} is a transport in memory that works. Now:

  npm install && npm run lockfile                     # the new workspace
  npm run test:unit -- --project transport-${name}    # its link tests and the conformance suite

Then replace the mechanism piece by piece: docs/adding-a-transport.md`);
