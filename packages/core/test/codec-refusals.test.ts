import { describe, expect, it } from 'vitest';
import { codecFor, defaultLimits as limits } from '../src/codec.js';
import { PigeonholeError } from '../src/errors.js';

const codec = codecFor('msgpack');

function refusal(body: unknown, given = limits): PigeonholeError {
  try {
    codec.encode(body, given);
  } catch (error) {
    if (error instanceof PigeonholeError) return error;
    throw error;
  }
  throw new Error('the body was encoded');
}

describe('R23: what cannot be sent is named by its key path', () => {
  it.each<[string, unknown, string]>([
    ['a function', () => 1, 'body is a function'],
    ['a symbol', Symbol('s'), 'body is a symbol'],
    [
      'in an array of objects',
      { items: [{}, {}, {}, { price: () => 1 }] },
      'body.items[3].price is a function',
    ],
    ['under a key that needs quotes', { 'a b': { ä: Symbol('s') } }, 'body["a b"]["ä"] is a symbol'],
    ['as a Map value', { tags: new Map([['k', Symbol('s')]]) }, 'body.tags.get("k") is a symbol'],
    ['as a Map value under an object', new Map([[{}, () => 1]]), 'body.get(…) is a function'],
    [
      'as a Map key',
      new Map<unknown, unknown>([
        [1, 1],
        [() => 1, 1],
      ]),
      'body.keys()[1] is a function',
    ],
    ['in a Set', { set: new Set([1, Symbol('s')]) }, 'body.set.values()[1] is a symbol'],
    [
      'in a class instance',
      {
        who: new (class Account {
          owner = { id: () => 1 };
        })(),
      },
      'body.who.owner.id is a function',
    ],
    [
      'beside values that need copying',
      [{ zero: -0, list: [new Date(), () => 1] }],
      'body[0].list[1] is a function',
    ],
    ['as a method of a plain object', { id: 1, save() {} }, 'body.save is a function'],
  ])('%s', (_name, body, message) => {
    const error = refusal(body);
    expect(error.code).toBe('ERR_UNSERIALIZABLE');
    expect(error.message.startsWith(message), error.message).toBe(true);
    expect(error.message).toMatch(/; send /);
  });

  it('abbreviates a long path', () => {
    let body: unknown = () => 1;
    for (let i = 0; i < 100; i++) body = { level: body };
    expect(refusal(body).message).toMatch(/^body(\.level){12} … \(76 more\) … (\.level){12} is a function/);
  });
});

describe('R23: cycles', () => {
  it.each<[string, () => unknown, string]>([
    ['of an object with itself', () => cyclic({ name: 'x' }, 'self'), 'body.self refers back to body'],
    ['through a parent', tree, 'body.root.children[1].parent refers back to body.root'],
    ['through a Map and a Set', collections, 'body.map.get("set").values()[0] refers back to body'],
    [
      'behind many values',
      () => cyclic({ list: new Array(20_000).fill(0) }, 'self'),
      'body.self refers back to body',
    ],
    [
      'through class instances',
      () =>
        cyclic(
          new (class Node {
            id = 1;
          })(),
          'next',
        ),
      'body.next refers back to body',
    ],
  ])('%s', (_name, make, message) => {
    const error = refusal(make());
    expect(error.code).toBe('ERR_UNSERIALIZABLE');
    expect(error.message.startsWith(message), error.message).toBe(true);
  });

  it('are told from the same object met twice', () => {
    const shared = { a: 1 };
    expect(codec.decode(codec.encode([shared, { shared }], limits))).toEqual([shared, { shared }]);
  });

  function cyclic<T extends object>(object: T, key: string): T {
    return Object.assign(object, { [key]: object });
  }

  function tree(): unknown {
    const root: { children: unknown[] } = { children: [] };
    root.children.push({ id: 1 }, { id: 2, parent: root });
    return { root };
  }

  function collections(): unknown {
    const body = { map: new Map<string, unknown>() };
    body.map.set('set', new Set([body]));
    return body;
  }
});

describe('built-ins that would arrive empty', () => {
  class Later extends Promise<number> {}
  const later = Object.assign(Later.resolve(1), { note: 'x' });

  it.each<[string, unknown, RegExp]>([
    ['Promise', Promise.resolve(1), /await it/],
    ['a subclass of Promise with properties', later, /await it/],
    ['RegExp', /a/g, /source and flags/],
    ['Error', new RangeError('bad'), /name, message/],
    ['DOMException', new DOMException('bad'), /name, message/],
    ['WeakMap', new WeakMap(), /WeakMap/],
    ['WeakSet', new WeakSet(), /WeakSet/],
    ['WeakRef', new WeakRef({}), /WeakRef/],
    ['SharedArrayBuffer', new SharedArrayBuffer(1), /copy/],
    ['boxed number', Object(1), /valueOf/],
    ['boxed symbol', Object(Symbol('s')), /valueOf/],
    ['URL', new URL('http://localhost/'), /URL/],
    ['URLSearchParams', new URLSearchParams('a=1'), /URLSearchParams/],
    ['Blob', new Blob(['x']), /Blob/],
    ['AbortSignal', AbortSignal.abort(), /AbortSignal/],
    ['Map iterator', new Map().entries(), /Map Iterator/],
    ['generator', (function* () {})(), /Generator/],
    ['proxy of a function', new Proxy(() => 1, {}), /function/],
    ['proxy of a Date', new Proxy(new Date(5), {}), /a proxy of a Date/],
    ['proxy of a Map', new Proxy(new Map([[1, 2]]), {}), /a proxy of a Map/],
    ['proxy of a RegExp', new Proxy(/a/, {}), /a proxy of a RegExp/],
    ['proxy of a boxed number', new Proxy(Object(1), {}), /a proxy of a Number/],
    ['proxy of a Buffer', new Proxy(Buffer.from('ab'), {}), /a proxy of a TypedArray/],
  ])('%s', (_name, value, advice) => {
    const error = refusal({ at: [value] });
    expect(error.code).toBe('ERR_UNSERIALIZABLE');
    expect(error.message).toMatch(/^body\.at\[0\] is a/);
    expect(error.message).toMatch(advice);
  });
});

describe('user code that throws', () => {
  const cause = new Error('no connection');
  const fail = (): never => {
    throw cause;
  };

  it.each<[string, unknown, string]>([
    [
      'a getter',
      {
        a: {
          get b() {
            return fail();
          },
        },
      },
      'body.a.b ',
    ],
    [
      'a getter of a class instance',
      [
        new (class {
          a = Object.defineProperty({}, 'b', { get: fail, enumerable: true });
        })(),
      ],
      'body[0].a.b ',
    ],
    ['a proxy that hides its keys', { a: new Proxy({}, { ownKeys: fail }) }, 'body.a '],
    ['a proxy that hides its prototype', { a: new Proxy({}, { getPrototypeOf: fail }) }, 'body.a '],
  ])('%s', (_name, body, path) => {
    const error = refusal(body);
    expect(error.code).toBe('ERR_UNSERIALIZABLE');
    expect(error.cause).toBe(cause);
    expect(error.message.startsWith(path), error.message).toBe(true);
    expect(error.message).toContain('no connection');
  });

  it('no proxy of an object, array or class instance, which arrives as what it stands for', () => {
    class Point {
      x = 1;
    }
    const body = [new Proxy({ a: 1 }, {}), new Proxy([1], {}), new Proxy(new Point(), {})];
    expect(codec.decode(codec.encode(body, limits))).toEqual([{ a: 1 }, [1], { x: 1 }]);
  });

  it('a revoked proxy', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(refusal([proxy]).code).toBe('ERR_UNSERIALIZABLE');
    expect(refusal(proxy).code).toBe('ERR_UNSERIALIZABLE');
  });

  it('a getter that answers differently the second time', () => {
    for (const second of [Symbol('s'), 'x'.repeat(10_000)]) {
      let reads = 0;
      const body = {
        get a() {
          return reads++ === 0 ? 1 : second;
        },
      };
      try {
        const bytes = codec.encode(body, limits);
        codec.verify(bytes, limits);
        codec.decode(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_UNSERIALIZABLE' });
      }
      expect(codec.decode(codec.encode([1], limits))).toEqual([1]);
    }
  });
});

describe('limits of the sender', () => {
  it('maxNodes, before the elements of a sparse array are visited', () => {
    const error = refusal({ list: new Array(2 ** 32 - 1) });
    expect(error.code).toBe('ERR_TOO_LARGE');
    expect(error.message).toMatch(/^body\.list|^body /);
    expect(error.message).toMatch(/maxNodes \(1048576\).*typed array/);
  });

  it('maxNodes against references that multiply', () => {
    let body: unknown = 1;
    for (let i = 0; i < 60; i++) body = [body, body];
    expect(refusal(body)).toMatchObject({
      code: 'ERR_TOO_LARGE',
      message: expect.stringContaining('maxNodes'),
    });
  });

  it('maxDepth', () => {
    let body: unknown = 1;
    for (let i = 0; i < 129; i++) body = [body];
    const error = refusal(body);
    expect(error.code).toBe('ERR_UNSERIALIZABLE');
    expect(error.message).toContain('maxDepth (128');
  });

  it('depth beyond what a stack holds, whatever maxDepth says', () => {
    let body: unknown = 1;
    for (let i = 0; i < 513; i++) body = { body };
    expect(refusal(body, { ...limits, maxDepth: 1e9 }).message).toContain('maxDepth (512, at most 512)');
    for (let i = 0; i < 200_000; i++) body = { body };
    expect(refusal(body, { ...limits, maxDepth: 1e9 }).code).toBe('ERR_UNSERIALIZABLE');
  });

  it('numbers as keys, because they can be made to collide', () => {
    const ids = Array.from({ length: 16_384 }, (_, i) => i);
    const set = new Set(ids);
    expect(codec.decode(codec.encode(set, limits))).toEqual(set);
    const error = refusal({ ids: new Map([...ids, 0.5].map((id) => [id, 1])) });
    expect(error.code).toBe('ERR_TOO_LARGE');
    expect(error.message).toMatch(/^body\.ids\.keys\(\)\[16384\] is one of more than 16384 numbers/);
    expect(refusal(new Set(ids.slice(0, 2049).map(BigInt))).code).toBe('ERR_TOO_LARGE');
  });
});
