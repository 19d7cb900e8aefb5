import { types } from 'node:util';
import type { CodecLimits } from '../codec.js';
import { whyEmptied } from './exotic.js';
import { checkContainer } from './limits.js';
import { Refusal, refusalFrom } from './refusal.js';

/**
 * One pass over a body before it becomes JSON: applies `toJSON`, counts what the limits bound, and refuses what
 * `JSON.stringify` would drop or turn into `null` or `{}`. Returns what it was given unless something had to change.
 */
export class JsonWalk {
  nodes = 1;
  units = 0;

  constructor(private readonly limits: CodecLimits) {}

  /** No encoding is shorter. */
  get least(): number {
    return this.nodes + this.units;
  }

  /** The body to hand to `JSON.stringify`, which then meets no `toJSON`. Throws a `Refusal`. */
  run(body: unknown): unknown {
    try {
      if (body === undefined)
        throw new Refusal('ERR_UNSERIALIZABLE', 'is undefined, which JSON lacks; send null.');
      const sent = this.visit(body, 0, '');
      this.enter(0);
      return sent;
    } catch (error) {
      throw refusalFrom(error);
    }
  }

  private visit(value: unknown, depth: number, key: string): unknown {
    if (typeof value === 'string') {
      this.units += value.length;
      return value;
    }
    if (typeof value === 'number') {
      if (Number.isFinite(value)) return value;
      throw new Refusal('ERR_UNSERIALIZABLE', `is ${value}, which JSON lacks; send null or a string.`);
    }
    if (value === null || typeof value === 'boolean') return value;
    return this.converted(value, depth, key);
  }

  private converted(value: unknown, depth: number, key: string): unknown {
    if (types.isDate(value) && Number.isNaN(Date.prototype.getTime.call(value))) {
      throw new Refusal('ERR_UNSERIALIZABLE', 'is an invalid Date, which JSON turns into null; send null.');
    }
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
      throw new Refusal(
        'ERR_UNSERIALIZABLE',
        'is binary, which JSON lacks; send base64, or use codec msgpack or raw.',
      );
    }
    const convertible = (typeof value === 'object' || typeof value === 'bigint') && value !== null;
    if (convertible && typeof (value as { toJSON?: unknown }).toJSON === 'function') {
      const json = (value as { toJSON(key: string): unknown }).toJSON(key);
      if (typeof json !== 'object' || json === null) return this.plain(json, depth, key);
      return this.container(json, depth + 1, true);
    }
    return this.plain(value, depth, key);
  }

  /** What is left when `toJSON` has had its say. */
  private plain(value: unknown, depth: number, key: string): unknown {
    if (typeof value === 'object' && value !== null) return this.container(value, depth + 1, false);
    if (
      typeof value === 'bigint' ||
      typeof value === 'function' ||
      typeof value === 'symbol' ||
      value === undefined
    ) {
      const advice =
        typeof value === 'bigint' ? 'send a string, or use codec msgpack' : 'send null or a string';
      throw new Refusal('ERR_UNSERIALIZABLE', `is ${article(value)}, which JSON lacks; ${advice}.`);
    }
    return this.visit(value, depth, key);
  }

  /** `copying`: the object still has its `toJSON`, which must not be applied a second time. */
  private container(value: object, depth: number, copying: boolean): unknown {
    if (Array.isArray(value)) return this.array(value, depth, copying || value.constructor !== Array);
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.record(value, depth, copying);
    const collection = types.isMap(value) ? 'Map' : types.isSet(value) ? 'Set' : undefined;
    if (collection !== undefined) {
      const reason = `is a ${collection}, which JSON lacks; send an array of its entries, or use codec msgpack.`;
      throw new Refusal('ERR_UNSERIALIZABLE', reason);
    }
    const reason = whyEmptied(value);
    if (reason !== undefined) throw new Refusal('ERR_UNSERIALIZABLE', reason);
    return this.record(value, depth, true);
  }

  private enter(depth: number): void {
    checkContainer(this.limits, depth, this.nodes);
  }

  private array(source: readonly unknown[], depth: number, copying: boolean): unknown {
    this.nodes += source.length;
    this.enter(depth);
    let index = 0;
    try {
      let copy: unknown[] | undefined = copying ? [] : undefined;
      for (; index < source.length; index++) {
        const value = source[index];
        const sent = this.visit(value, depth, String(index));
        if (copy === undefined && sent !== value) copy = source.slice(0, index);
        copy?.push(sent);
      }
      return copy ?? source;
    } catch (error) {
      throw refusalFrom(error).under(source, index);
    }
  }

  private record(source: object, depth: number, copying: boolean): unknown {
    this.enter(depth);
    let step: string | undefined;
    let changed = copying;
    try {
      const entries: [string, unknown][] = [];
      for (const key of Object.keys(source)) {
        step = key;
        const value = (source as Record<string, unknown>)[key];
        if (value === undefined) continue;
        this.nodes += 2;
        this.units += key.length;
        const sent = this.visit(value, depth, key);
        changed ||= sent !== value;
        entries.push([key, sent]);
      }
      return changed ? Object.fromEntries(entries) : source;
    } catch (error) {
      throw refusalFrom(error).under(source, step);
    }
  }
}

function article(value: unknown): string {
  if (value === undefined) return 'undefined';
  return `a ${typeof value}`;
}
