/** Finds the contenders: every module in `contenders/`, by its presence there. */

import { readdir } from 'node:fs/promises';
import type { Case, ContenderModule, KindName } from './contender.js';
import { allKinds } from './kinds.js';

const directory = new URL('./contenders/', import.meta.url);

/** A case, and the module that holds it. */
export interface Entry {
  readonly file: string;
  readonly testCase: Case;
}

/** What `--only` matches, and what reports call a case. */
export function caseId({ kind, name }: { kind: KindName; name: string }): string {
  return `${kind}/${name}`;
}

async function load(file: string): Promise<readonly Case[]> {
  const module = (await import(new URL(file, directory).href)) as ContenderModule;
  return module.cases;
}

/** What there is to run, and what could not even be loaded, with the reason. */
export interface Catalogue {
  readonly entries: Entry[];
  readonly unavailable: string[];
}

/** All cases, grouped by kind in the order of `kinds.ts`, by file name within one. */
export async function readCatalogue(): Promise<Catalogue> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.js')).sort();
  const entries: Entry[] = [];
  const unavailable: string[] = [];
  for (const file of files) {
    try {
      for (const testCase of await load(file)) entries.push({ file, testCase });
    } catch (error) {
      unavailable.push(`contenders/${file}: ${String(error)}`);
    }
  }
  const rank = (entry: Entry): number => allKinds.findIndex((kind) => kind.name === entry.testCase.kind);
  entries.sort((a, b) => rank(a) - rank(b));
  return { entries, unavailable };
}

/** The one case of that module; throws when there is none. */
export async function loadCase(file: string, kind: KindName, name: string): Promise<Case> {
  const found = (await load(file)).find((candidate) => candidate.kind === kind && candidate.name === name);
  if (found === undefined) throw new Error(`${file} has no case ${kind}/${name}`);
  return found;
}
