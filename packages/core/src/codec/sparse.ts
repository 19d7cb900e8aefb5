/** Up to this, what V8 keeps for a number as key is little beside the object. */
const NEAR = 32;
/** So far from any other key that V8 gives up to hold the keys as an array. */
const FAR = 2 ** 28;

/**
 * To be called before a key that came from outside is set; answers whether that, or an earlier call, made the object sparse.
 *
 * V8 holds numbers as keys in an array with room for all numbers below: `{ "1000": null }` takes 12 KB, and has seven
 * bytes as MessagePack. In an object that had a key out of all proportion they are entries of a table, and stay that.
 */
export function spread(object: object, key: string, isSparse: boolean): boolean {
  if (isSparse) return true;
  const first = key.charCodeAt(0);
  if (!(first >= 0x31 && first <= 0x39) || !(Number(key) > NEAR)) return false;
  const elements = object as Record<number, unknown>;
  elements[FAR] = undefined;
  delete elements[FAR];
  return true;
}

/** Sets a key other than `__proto__`, one too that an application has frozen in `Object.prototype`. */
export function assign(record: Record<string, unknown>, key: string, value: unknown): void {
  try {
    record[key] = value;
  } catch {
    Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
  }
}
