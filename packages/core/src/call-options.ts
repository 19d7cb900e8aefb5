import { nearest } from './config/suggestion.js';
import { PigeonholeError, show } from './errors.js';

/** Throws `ERR_CONFIG` for what is no object of these options: a misspelt `timeout` would wait for ever. `of`: whose options, as `who` and a name. */
export function checkOptions(options: object, known: readonly string[], of: string, who = ''): void {
  if (typeof options !== 'object' || options === null)
    throw new PigeonholeError(
      'ERR_CONFIG',
      `options of ${who}${of} are ${show(options)}; they must be an object`,
    );
  for (const key of Object.keys(options)) if (!known.includes(key)) throw unknownOption(key, known, who + of);
}

function unknownOption(key: string, known: readonly string[], of: string): PigeonholeError {
  const near = nearest(key, known);
  return new PigeonholeError(
    'ERR_CONFIG',
    `${of} has no option '${key}'${near === undefined ? '' : `; did you mean '${near}'?`}; it has: ${known.join(', ')}`,
  );
}
