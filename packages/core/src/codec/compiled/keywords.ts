import { PigeonholeError, show } from '../../errors.js';

export type Json = null | boolean | number | string | readonly Json[] | SchemaObject;
export interface SchemaObject {
  readonly [keyword: string]: Json | undefined;
}

export function isSchemaObject(value: Json | undefined): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** They give the form of a value. */
const structure =
  'type properties required additionalProperties patternProperties items prefixItems additionalItems minItems enum const anyOf oneOf allOf $ref $defs definitions $id';

/** They narrow what has a form already: for the mailbox's `schema` to check. */
const ranges =
  'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format maxItems uniqueItems minProperties maxProperties minByteLength maxByteLength contentEncoding contentMediaType';
const dates =
  'minimumTimestamp maximumTimestamp exclusiveMinimumTimestamp exclusiveMaximumTimestamp multipleOfTimestamp';

/** They say something to people. */
const notes = '$schema $comment title description default examples deprecated readOnly writeOnly';

const known = new Set([structure, ranges, dates, notes].join(' ').split(' '));

/** Throws `ERR_CONFIG` for a keyword that might change the form and is not known. */
export function checkKeywords(schema: SchemaObject, path: string): void {
  for (const keyword of Object.keys(schema)) {
    if (known.has(keyword) || schema[keyword] === undefined || /^(x-|~)/.test(keyword)) continue;
    if (keyword === 'unevaluatedProperties' && schema[keyword] === false) continue;
    throw schemaError(
      `${path}/${keyword}`,
      `is ${show(schema[keyword])}: the keyword ${keyword} is not supported; leave it to the mailbox's schema`,
    );
  }
}

export function schemaError(path: string, reason: string): PigeonholeError {
  return new PigeonholeError('ERR_CONFIG', `compiled: ${path} of the schema ${reason}`);
}
