import { PigeonholeError, show } from '../errors.js';

/** `of` ends the phrase "option key …": `of actor 'inventory'`. */
export function optionError(key: string, of: string, value: unknown, allowed: string): PigeonholeError {
  return new PigeonholeError('ERR_CONFIG', `option ${key} ${of} is ${show(value)}; allowed: ${allowed}`);
}

export function checkCount(
  value: number | undefined,
  otherwise: number,
  most: number,
  key: string,
  of: string,
): number {
  if (value === undefined) return otherwise;
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw optionError(key, of, value, `an integer from 1 to ${most}`);
}

/** A deadline or timeout in milliseconds. */
export function checkTime(value: number, key: string, of: string): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw optionError(key, of, value, 'milliseconds, 0 or more');
}
