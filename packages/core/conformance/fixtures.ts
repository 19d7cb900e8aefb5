/**
 * Bodies, schemas and numbered items that the tests send. What cannot travel to another process as it is (functions, cycles,
 * 16 MiB of bytes) travels as a recipe that the agent there carries out.
 */
import { createHash } from 'node:crypto';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import {
  type AnyPeerAddress,
  anyPeer,
  type MailboxAddress,
  mailbox,
  type PeerAddress,
  peer,
} from '../src/address.js';
import type { Codec, CodecName } from '../src/codec.js';
import { hostileCodec } from './hostile-bodies.js';
import type { AddressSpec } from './surface.js';

/** Stands for a body that is made where it is sent. */
export type Recipe =
  | { readonly $recipe: 'bytes'; size: number; seed: number }
  | { readonly $recipe: 'fixture'; name: string };

export function bytesRecipe(size: number, seed = size): Recipe {
  return { $recipe: 'bytes', size, seed };
}

export function fixtureRecipe(name: string): Recipe {
  return { $recipe: 'fixture', name };
}

/** `size` bytes that look random and differ between seeds. The repeated tile has a prime length: misplaced fragments show. */
export function makeBytes(size: number, seed: number): Uint8Array {
  const tile = new Uint8Array(Math.min(size, 65521));
  let state = (seed + 1) >>> 0;
  for (let at = 0; at < tile.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    tile[at] = state >>> 24;
  }
  if (tile.length === size) return tile;
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += tile.length)
    bytes.set(tile.subarray(0, Math.min(tile.length, size - at)), at);
  return bytes;
}

export function digestOf(bytes: Uint8Array): string {
  return `${bytes.length}:${createHash('sha1').update(bytes).digest('hex')}`;
}

/** What `bytesRecipe(size, seed)` arrives as where a digest was asked for. */
export function expectedDigest(size: number, seed = size): string {
  return digestOf(makeBytes(size, seed));
}

export function makeBody(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('$recipe' in body)) return body;
  const recipe = body as Recipe;
  if (recipe.$recipe === 'bytes') return makeBytes(recipe.size, recipe.seed);
  const make = unserializable[recipe.name]?.make;
  if (make === undefined) throw new Error(`no fixture is named '${recipe.name}'`);
  return make();
}

/** Changes every part of a body in place: R10 must not see it. */
export function mutateDeep(body: unknown): void {
  if (body instanceof Map || body instanceof Set) body.clear();
  else if (body instanceof Date) body.setTime(0);
  else if (ArrayBuffer.isView(body)) new Uint8Array(body.buffer, body.byteOffset, body.byteLength).fill(0xee);
  else if (typeof body === 'object' && body !== null) {
    for (const [key, value] of Object.entries(body)) {
      mutateDeep(value);
      (body as Record<string, unknown>)[key] = 'changed';
    }
    if (Array.isArray(body)) body.length = 0;
  }
}

/** R23: bodies that no codec may take, each with what the error must say of where the trouble is. */
export const unserializable: Readonly<Record<string, { make(): unknown; path: RegExp }>> = {
  'a function': { make: () => () => 1, path: /function/i },
  'a symbol': { make: () => Symbol('mark'), path: /symbol/i },
  'a function in an array in an object': {
    make: () => ({ orders: [{ total: () => 1 }] }),
    path: /orders\W*0\W*total/,
  },
  'a symbol deep inside': { make: () => ({ a: { b: [1, 2, Symbol('mark')] } }), path: /a\W*b\W*2/ },
  'a function in a Map': { make: () => ({ index: new Map([['handler', () => 1]]) }), path: /index.*handler/ },
  'an object that holds itself': {
    make: () => {
      const order: Record<string, unknown> = {};
      order.self = order;
      return order;
    },
    path: /self/,
  },
  'a cycle through an array': {
    make: () => {
      const list: unknown[] = [];
      list.push({ parent: list });
      return { list };
    },
    path: /list\W*0\W*parent/,
  },
  'a cycle through a Map': {
    make: () => {
      const map = new Map<string, unknown>();
      map.set('again', map);
      return { map };
    },
    path: /map.*again/,
  },
};

type Validate = (
  value: unknown,
) => StandardSchemaV1.Result<unknown> | Promise<StandardSchemaV1.Result<unknown>>;

function schema(validate: Validate): StandardSchemaV1<unknown, unknown> {
  return { '~standard': { version: 1, vendor: 'pigeonhole-conformance', validate } };
}

const positive: Validate = (value) =>
  typeof value === 'object' &&
  value !== null &&
  (value as { total?: unknown }).total !== undefined &&
  Number((value as { total: unknown }).total) > 0
    ? { value }
    : { issues: [{ message: 'total must be positive', path: ['total'] }] };

export const schemas: Readonly<Record<string, StandardSchemaV1<unknown, unknown>>> = {
  positive: schema(positive),
  'positive, asynchronous': schema(async (value) => positive(value)),
  'doubles the total': schema((value) => ({ value: { total: 2 * (value as { total: number }).total } })),
};

/** Makes a real address of a plain one. Throws what `mailbox()` and `peer()` throw. */
export function makeAddress(spec: AddressSpec): MailboxAddress | PeerAddress | AnyPeerAddress {
  if (spec.kind === 'anyPeer') return anyPeer;
  const schema =
    spec.schema === undefined ? {} : { schema: schemas[spec.schema] as StandardSchemaV1<unknown, unknown> };
  if (spec.kind === 'peer') return peer(spec.name, schema);
  const { kind: _kind, name, schema: _schema, codec, ...options } = spec;
  return mailbox(name, {
    ...options,
    ...schema,
    ...(codec === undefined ? {} : { codec: makeCodec(codec) }),
  });
}

function makeCodec(spec: string): CodecName | Codec {
  const lying = spec.startsWith('lying ');
  return lying || spec.startsWith('hostile ')
    ? hostileCodec(spec.slice(spec.indexOf(' ') + 1), lying)
    : (spec as CodecName);
}

/** A numbered body: says who sent it, which of his it is, and whether it arrived whole. */
export interface Item {
  by: string;
  n: number;
  pad: Uint8Array;
  sum: string;
}

function sumOf(by: string, n: number, pad: Uint8Array): string {
  return createHash('sha1').update(`${by} ${n} `).update(pad).digest('base64');
}

export function makeItem(by: string, n: number, size: number): Item {
  const pad = makeBytes(size, n);
  return { by, n, pad, sum: sumOf(by, n, pad) };
}

export function isWholeItem(body: unknown): body is Item {
  const item = body as Partial<Item> | null;
  if (typeof item !== 'object' || item === null || typeof item.by !== 'string' || typeof item.n !== 'number')
    return false;
  return item.pad instanceof Uint8Array && sumOf(item.by, item.n, item.pad) === item.sum;
}
