// npm run test:pack: packs the published packages, installs the tarballs into an empty project and uses them there,
// from ES modules, from CommonJS and from TypeScript; then asks publint and attw about each tarball.
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled } from './install.mjs';
import { npm, root, run, runInstalled } from './run.mjs';
import { turbo } from './turbo.mjs';

const fixtures = `${root}/scripts/test-pack`;

/** Runs a step silently; where it fails, shows what it printed and ends this process. */
async function step(name, start) {
  const { code, printed } = await start();
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'}  ${name}`);
  if (code === 0) return printed;
  throw new Error(printed.trim());
}

const failed = (message) => ({ code: 1, printed: message });
const passed = { code: 0, printed: '' };

function publishedPackages() {
  return readdirSync(`${root}/packages`)
    .map((name) => ({ folder: `${root}/packages/${name}`, ...readManifest(`${root}/packages/${name}`) }))
    .filter((one) => !one.private);
}

function readManifest(folder) {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
}

/** What an export map offers to importers, without package.json and without scripts that act when loaded. */
function entriesOf({ name, exports }) {
  return Object.keys(exports)
    .filter((path) => path !== './package.json' && !path.endsWith('/agent'))
    .map((path) => name + path.slice(1));
}

async function pack(folder, { name, folder: source }) {
  const printed = await step(`${name}: npm pack`, () =>
    npm(['pack', '--json', '--loglevel=error', '--pack-destination', folder], { cwd: source, capture: true }),
  );
  const [{ filename, files }] = JSON.parse(printed.slice(printed.indexOf('[')));
  await step(`${name}: the tarball holds the build, the licence, and nothing else`, async () => {
    const odd = files.find(
      ({ path }) => !/^(dist\/.+|LICENSE|README\.md|package\.json|prebuilds\/.+)$/.test(path),
    );
    if (odd) return failed(`${odd.path} should not be published`);
    const missing = ['LICENSE', 'dist/index.js', 'dist/index.cjs'].find(
      (want) => !files.some((f) => f.path === want),
    );
    return missing ? failed(`${missing} is missing`) : passed;
  });
  return join(folder, filename);
}

/** No path of the machine that built it may be in a published file. */
function checkPaths(project, { name }) {
  return step(`${name}: names no path of this machine`, async () => {
    const folder = `${project}/node_modules/${name}`;
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      if (entry.isFile() && readFileSync(path).includes(root)) return failed(`${path} contains ${root}`);
    }
    return passed;
  });
}

async function checkUse(project, packages) {
  const entries = packages.flatMap(entriesOf);
  const transports = packages.flatMap(({ name }) => /^@pigeonhole\/transport-(.+)$/.exec(name)?.[1] ?? []);
  const env = { ...process.env, PIGEONHOLE_DIR: `${project}/run` };
  mkdirSync(env.PIGEONHOLE_DIR, { mode: 0o700 });
  const arguments_ = [JSON.stringify(entries), JSON.stringify(['memory', ...transports])];
  for (const [kind, file] of [
    ['ESM import', 'use.mjs'],
    ['CommonJS require', 'use.cjs'],
  ]) {
    await step(`${kind}: every entry loads, a message passes over memory, ${transports.join(', ')}`, () =>
      run(process.execPath, [file, ...arguments_], { cwd: project, env, capture: true }),
    );
  }
}

async function checkTypes(project, packages) {
  const imports = packages
    .flatMap(entriesOf)
    .map((entry, i) => `import type * as entry${i} from '${entry}';`);
  const uses = imports.map((_, i) => `typeof entry${i}`).join(' | ');
  const all = `${imports.join('\n')}\nexport type All = ${uses};\n`;
  for (const name of ['entries.mts', 'entries.cts']) writeFileSync(join(project, name), all);
  const common = [
    '--noEmit',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--target',
    'es2022',
    '--types',
    'node',
  ];
  for (const [resolution, module, files] of [
    ['node16', 'node16', ['entries.mts', 'entries.cts', 'use-types.mts', 'use-types.cts']],
    ['bundler', 'esnext', ['entries.mts', 'use-types.mts']],
  ]) {
    const flags = [...common, '--module', module, '--moduleResolution', resolution];
    await step(`TypeScript, moduleResolution ${resolution}`, () =>
      runInstalled('typescript/bin/tsc', [...flags, ...files], { cwd: project, capture: true }),
    );
  }
}

async function checkTarball(name, tarball) {
  await step(`${name}: publint --strict`, () =>
    runInstalled('publint/src/cli.js', ['run', tarball, '--strict'], { capture: true }),
  );
  // node16: the resolution of Node.js 10, which knows no export maps, is not for a package that needs Node.js 20.
  await step(`${name}: attw`, () =>
    runInstalled('@arethetypeswrong/cli/dist/index.js', [tarball, '--profile', 'node16', '--no-emoji'], {
      capture: true,
    }),
  );
}

await ensureInstalled();
const built = await turbo('build', { filters: ['./packages/*'] });
if (built !== 0) process.exit(built);

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pigeonhole-pack-')));
try {
  const project = join(folder, 'project');
  cpSync(fixtures, project, { recursive: true });
  cpSync(join(project, 'use-types.mts'), join(project, 'use-types.cts'));
  writeFileSync(join(project, 'package.json'), '{ "name": "pigeonhole-consumer", "private": true }\n');
  const packages = publishedPackages();
  const tarballs = [];
  for (const one of packages) tarballs.push(await pack(folder, one));
  const nodeTypes = `@types/node@${readManifest(`${root}/node_modules/@types/node`).version}`;
  await step('npm install of the tarballs into an empty project', () =>
    npm(
      [
        'install',
        '--ignore-scripts',
        '--prefer-offline',
        '--no-audit',
        '--no-fund',
        '--loglevel=error',
        nodeTypes,
        ...tarballs,
      ],
      { cwd: project, capture: true },
    ),
  );
  for (const one of packages) await checkPaths(project, one);
  await checkUse(project, packages);
  await checkTypes(project, packages);
  for (const [i, { name }] of packages.entries()) await checkTarball(name, tarballs[i]);
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
