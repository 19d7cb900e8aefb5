/** Modules that only the user's configuration names: found from the user's directories, loaded when needed. */
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Imports a file or URL. TypeScript is left to Node where Node strips types (22.18, 24 and later) and to jiti elsewhere;
 * only what both accept is sure to work: types, no `enum`, no `namespace`.
 */
export async function importModule(pathOrUrl: string): Promise<unknown> {
  const url = isAbsolute(pathOrUrl) ? pathToFileURL(pathOrUrl).href : pathOrUrl;
  const stripsTypes = Boolean((process.features as { typescript?: unknown }).typescript);
  if (stripsTypes || !/^file:.*\.[cm]?ts$/.test(url)) return import(/* @vite-ignore */ url);
  const { createJiti } = await import('jiti');
  // No cache on disk: it would lie in a directory that we neither made nor clean.
  return createJiti(url, { fsCache: false, interopDefault: false }).import(fileURLToPath(url));
}

/** The default export, also of a module that a compiler turned into CommonJS. `undefined` when there is none. */
export function defaultExport(module: unknown): unknown {
  const exported = property(module, 'default');
  return property(exported, '__esModule') === true ? property(exported, 'default') : exported;
}

function property(value: unknown, key: string): unknown {
  const isHolder = typeof value === 'object' && value !== null;
  return isHolder ? (value as Record<string, unknown>)[key] : undefined;
}

/** True in the CommonJS build only. A package with both builds is then taken as CommonJS too, and meets this core, not a second one. */
const isCommonJs = typeof __filename === 'string';

/**
 * The URL of the module that `specifier` names, or null when it is not installed. Packages are looked for from `directory`,
 * then from the main script (a service's working directory may be `/`), then beside this package.
 */
export async function resolveModule(specifier: string, directory: string): Promise<string | null> {
  if (specifier.startsWith('.') || isAbsolute(specifier))
    return pathToFileURL(resolve(directory, specifier)).href;
  if (/^[a-z]+:/.test(specifier)) return specifier;
  const from = [directory, mainDirectory(), dirname(fileURLToPath(import.meta.url))].map((d) => join(d, '/'));
  if (isCommonJs) return resolveRequired(specifier, from) ?? resolveImported(specifier, from);
  // Node's own rules for `require` come second: they know a package manager's hooks (Plug'n'Play).
  return (await resolveImported(specifier, from)) ?? resolveRequired(specifier, from);
}

/** Node can resolve as `import` does only from its own module, so exsolve follows the same algorithm from anywhere. */
async function resolveImported(specifier: string, from: string[]): Promise<string | null> {
  const { resolveModuleURL } = await import('exsolve');
  return resolveModuleURL(specifier, { from, cache: false, try: true }) ?? null;
}

function resolveRequired(specifier: string, from: readonly string[]): string | null {
  for (const directory of from) {
    try {
      return pathToFileURL(createRequire(directory).resolve(specifier)).href;
    } catch {
      // Not here.
    }
  }
  return null;
}

function mainDirectory(): string {
  const script = process.argv[1];
  if (script === undefined) return process.cwd();
  try {
    return dirname(realpathSync(script));
  } catch {
    return process.cwd();
  }
}
