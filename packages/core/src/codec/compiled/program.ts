import * as numbers from './numbers.js';
import { type Read, readClosures } from './read-closures.js';
import { readSource } from './read-source.js';
import type { Plan } from './shape.js';
import { early, misfit, odd, tooMany } from './state.js';
import { readLongText, readShort, readText, writeText } from './text.js';
import * as values from './values.js';
import { type Write, writeClosures } from './write-closures.js';
import { type Source, writeSource } from './write-source.js';

export interface Program {
  readonly write: Write;
  readonly read: Read;
  readonly generated: boolean;
}

/** All that generated code may name. */
const library = {
  ...numbers,
  ...values,
  ...{ readLongText, readShort, readText, writeText, early, misfit, odd, tooMany },
  F: numbers.double,
  R: numbers.doubleBytes,
  littleEndian: !numbers.bigEndian,
  hasOwn: Object.prototype.hasOwnProperty,
  getPrototypeOf: Object.getPrototypeOf,
  ObjectPrototype: Object.prototype,
};
const names = Object.keys(library);

/** Generated code; closures where the process allows none (`--disallow-code-generation-from-strings`). Both make the same. */
export function programOf(plan: Plan): Program {
  try {
    return {
      write: build(writeSource(plan)) as Write,
      read: build(readSource(plan)) as Read,
      generated: true,
    };
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    return interpreted(plan);
  }
}

export function interpreted(plan: Plan): Program {
  return { write: writeClosures(plan), read: readClosures(plan), generated: false };
}

function build({ text, constants }: Source): unknown {
  const make = new Function(
    'library',
    'K',
    `"use strict";\nconst { ${names.join(', ')} } = library;\n${text}`,
  );
  return make(library, constants);
}
