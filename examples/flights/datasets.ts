import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Path of a file of the installed npm package `vega-datasets`. Nothing is downloaded. */
export function dataset(file: string): string {
  const entry = createRequire(import.meta.url).resolve('vega-datasets');
  return join(entry, '..', '..', 'data', file);
}
