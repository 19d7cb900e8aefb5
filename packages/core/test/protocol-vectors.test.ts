/** docs/protocol-vectors.json replayed both ways, and docs/protocol.md against `Kind`. */
import { describe, expect, test } from 'vitest';
import { errorCodes, PigeonholeError } from '../src/errors.js';
import { type Frame, FrameParser } from '../src/frame-parser.js';
import { FrameWriter, Kind, PROTOCOL_VERSION, Reject } from '../src/framing.js';
import { type Fields, protocolPage, read, vectors, write } from './protocol-vectors.js';

const kindNames = Object.keys(Kind) as (keyof typeof Kind)[];

function written(fields: Fields): string {
  const batches: Uint8Array[] = [];
  const writer = new FrameWriter((batch) => void batches.push(batch));
  write(writer, fields);
  writer.flush();
  return Buffer.concat(batches).toString('hex');
}

function parsed(hex: string): Fields[] {
  const all: Fields[] = [];
  new FrameParser((frame: Frame) => void all.push(read(frame))).push(Buffer.from(hex, 'hex'), true);
  return all;
}

describe('docs/protocol-vectors.json', () => {
  test.each(vectors.vectors)('$name: the writer makes exactly these bytes', ({ fields, hex }) => {
    expect(written(fields)).toBe(hex);
  });

  test.each(vectors.vectors)('$name: the parser reads exactly these fields', ({ fields, hex }) => {
    expect(parsed(hex)).toEqual([fields]);
  });

  test('all together are one stream', () => {
    const stream = vectors.vectors.map(({ hex }) => hex).join('');
    expect(parsed(stream)).toEqual(vectors.vectors.map(({ fields }) => fields));
  });

  test.each(vectors.refused)('$name: is refused', ({ hex, refusal }) => {
    let error: unknown;
    try {
      parsed(hex);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(PigeonholeError);
    expect((error as PigeonholeError).code).toBe('ERR_FRAME');
    expect((error as PigeonholeError).message).toContain(refusal);
  });

  test('is of this version', () => {
    expect(vectors.protocol).toBe(PROTOCOL_VERSION);
    const hello = vectors.vectors.find(({ fields }) => fields.kind === 'hello');
    expect(hello?.fields).toMatchObject({ channel: vectors.magic, number: PROTOCOL_VERSION });
    expect(Buffer.from(hello?.hex ?? '', 'hex').toString('latin1', 8, 12)).toBe('PIGN');
  });

  test.each(kindNames)('has a vector of kind %s', (kind) => {
    expect(vectors.vectors.map(({ fields }) => fields.kind)).toContain(kind);
  });

  test.each(Object.keys(Reject))('has a reject with reason %s', (reason) => {
    expect(vectors.vectors.map(({ fields }) => fields.reason)).toContain(reason);
  });
});

describe('docs/protocol.md', () => {
  const headings = protocolPage.split('\n').filter((line) => line.startsWith('#'));

  test.each(Object.entries(Kind))('has a section on %s, kind %i', (name, kind) => {
    expect(headings).toContain(`### ${name} (${kind})`);
  });

  test('has sections on no other kinds', () => {
    const sections = headings.flatMap((line) => /^### (\w+) \((\d+)\)$/.exec(line)?.[1] ?? []);
    expect(sections.sort()).toEqual([...kindNames].sort());
  });

  test('names only error codes that exist', () => {
    const named = new Set(protocolPage.match(/\bERR_[A-Z_]+/g));
    expect([...named].filter((code) => !(errorCodes as readonly string[]).includes(code))).toEqual([]);
  });

  test('says which version it describes', () => {
    expect(headings[0]).toBe(`# The link protocol, version ${PROTOCOL_VERSION}`);
  });
});
