import { Kind, views } from './wire.js';

/** Rebuilds what `wire.ts` describes from its decoded parts, which the scan has checked. Takes over binary parts. */
export function revive(parts: unknown[]): unknown {
  switch (parts[0]) {
    case Kind.map:
      return map(parts);
    case Kind.set:
      return set(parts);
    case Kind.object:
      return object(parts);
    case Kind.text:
      return text(parts[1] as Buffer);
    case Kind.date:
      return new Date(parts[1] as number);
    case Kind.view:
      return views[parts[1] as number]?.from(parts[2] as Buffer);
    case Kind.positiveBigint:
      return magnitude(parts[1] as Buffer);
    case Kind.negativeBigint:
      return -magnitude(parts[1] as Buffer);
    case Kind.negativeZero:
      return -0;
    default:
      throw new TypeError(`unknown kind ${String(parts[0])}`);
  }
}

function map(parts: unknown[]): Map<unknown, unknown> {
  const result = new Map<unknown, unknown>();
  for (let i = 1; i < parts.length; i += 2) result.set(parts[i], parts[i + 1]);
  return result;
}

function set(parts: unknown[]): Set<unknown> {
  const result = new Set<unknown>();
  for (let i = 1; i < parts.length; i++) result.add(parts[i]);
  return result;
}

/** Defines rather than assigns: `__proto__` becomes a property like any other. */
function object(parts: unknown[]): object {
  const result = {};
  for (let i = 1; i < parts.length; i += 2) {
    const value = parts[i + 1];
    Object.defineProperty(result, text(parts[i] as Buffer), {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return result;
}

function text(utf16: Buffer): string {
  return utf16.toString('utf16le');
}

function magnitude(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`);
}
