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

async function load(file: string): Promise<ContenderModule> {
  return (await import(new URL(file, directory).href)) as ContenderModule;
}

/** What there is to run, what is not to be had here, and what could not even be loaded; with the reasons. */
export interface Catalogue {
  readonly entries: Entry[];
  readonly absent: string[];
  readonly broken: string[];
}

/** All cases, grouped by kind in the order of `kinds.ts`, by file name within one. */
export async function readCatalogue(): Promise<Catalogue> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.js')).sort();
  const catalogue: Catalogue = { entries: [], absent: [], broken: [] };
  for (const file of files) {
    try {
      const { cases, absent } = await load(file);
      if (absent !== undefined) catalogue.absent.push(`${file.replace('.js', '')}: ${absent}`);
      else for (const testCase of cases) catalogue.entries.push({ file, testCase });
    } catch (error) {
      catalogue.broken.push(`contenders/${file}: ${String(error)}`);
    }
  }
  const rank = (entry: Entry): number => allKinds.findIndex((kind) => kind.name === entry.testCase.kind);
  catalogue.entries.sort((a, b) => rank(a) - rank(b));
  return catalogue;
}

/** The one case of that module; throws when there is none. */
export async function loadCase(file: string, kind: KindName, name: string): Promise<Case> {
  const { cases } = await load(file);
  const found = cases.find((candidate) => candidate.kind === kind && candidate.name === name);
  if (found === undefined) throw new Error(`${file} has no case ${kind}/${name}`);
  return found;
}
