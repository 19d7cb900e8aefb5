/** docs/protocol-vectors.json: its shape, and how its fields are written to and read from frames. */
import { readFileSync } from 'node:fs';
import { CodecId, defaultLimits } from '../src/codec.js';
import type { Frame } from '../src/frame-parser.js';
import { type DeliveryNumbers, type FrameWriter, Kind, parseJson, Reject } from '../src/framing.js';
import { Channels } from '../src/hosted/channels.js';
import { byte, envelope, name, openedAs, openedSpec, selector, word } from '../src/hosted/reading.js';
import type { Session, SessionOwner } from '../src/hosted/session.js';
import type { Envelope } from '../src/message.js';

export type KindName = keyof typeof Kind;

export interface Fields {
  readonly kind: KindName;
  readonly channel: number;
  readonly number: number;
  readonly json?: Record<string, unknown>;
  readonly reason?: keyof typeof Reject;
  readonly count?: number;
  readonly wait?: boolean;
  readonly max?: number;
  readonly selector?: object | null;
  readonly delivery?: number;
  readonly order?: number;
  readonly returned?: number;
  readonly codec?: keyof typeof CodecId;
  readonly priority?: number;
  readonly type?: number;
  readonly sentAt?: number;
  readonly mailbox?: string;
  readonly from?: string;
  readonly body?: string;
}

interface Vectors {
  readonly protocol: number;
  readonly magic: number;
  readonly vectors: readonly { readonly name: string; readonly hex: string; readonly fields: Fields }[];
  readonly refused: readonly { readonly name: string; readonly hex: string; readonly refusal: string }[];
}

const docs = new URL('../../../docs/', import.meta.url);
export const vectors = JSON.parse(readFileSync(new URL('protocol-vectors.json', docs), 'utf8')) as Vectors;
export const protocolPage = readFileSync(new URL('protocol.md', docs), 'utf8');

const kindNames = new Map(Object.entries(Kind).map(([kindName, kind]) => [kind as number, kindName]));

function nameIn<T extends Record<string, number>>(table: T, value: number): keyof T {
  return Object.keys(table).find((key) => table[key] === value) as keyof T;
}

/** Writes a frame with these fields. */
export function write(writer: FrameWriter, fields: Fields): void {
  const {
    kind,
    channel,
    number,
    json,
    reason = 'full',
    count,
    wait = true,
    max = 1,
    selector = null,
  } = fields;
  const a = kind === 'reject' ? Reject[reason] : 0;
  if (count !== undefined) writer.counted(Kind[kind], channel, number, count);
  else if (json !== undefined) writer.json(Kind[kind], channel, number, json, a);
  else if (kind === 'send') writer.send(channel, number, message(fields), wait);
  else if (kind === 'pull') writer.pull(channel, number, wait, max, selector);
  else if (kind === 'deliver') writer.deliver(channel, number, numbers(fields), message(fields));
  else if (kind === 'adopt') writer.adopt(number, fields.mailbox ?? '', message(fields));
  else writer.frame(Kind[kind], channel, number, a);
}

function numbers({ delivery = 0, order = 0, returned = 0 }: Fields): DeliveryNumbers {
  return { delivery, order, returned };
}

function message({
  body = '',
  codec = 'raw',
  from = '',
  type = 0,
  priority = 0,
  sentAt = 0,
}: Fields): Envelope {
  return { body: Buffer.from(body, 'hex'), codec: CodecId[codec], from, type, priority, sentAt };
}

/** What a frame says, by the functions that the runtime reads it with. Throws `ERR_FRAME`. */
export function read(frame: Frame): Fields {
  const kind = kindNames.get(frame.kind) as KindName | undefined;
  if (kind === undefined) return refuse(frame);
  const fields = { kind, channel: frame.channel, number: frame.number };
  switch (kind) {
    case 'hello':
    case 'refused':
    case 'error':
    case 'ask':
    case 'answer':
    case 'news':
      return { ...fields, json: parseJson(frame.rest) };
    case 'opened': {
      const { adopted, ...json } = openedAs(parseJson(frame.rest));
      return { ...fields, json: adopted === 0 ? json : { ...json, adopted } };
    }
    case 'open': {
      const json = parseJson(frame.rest);
      // On an open channel it says no more than that there are receivers, or none.
      if (!('receives' in json && Object.keys(json).length === 1)) openedSpec(json);
      return { ...fields, json };
    }
    case 'reject': {
      const reason = nameIn(Reject, frame.a);
      const json = frame.rest.length > 0 ? { json: parseJson(frame.rest) } : {};
      return { ...fields, reason, ...json };
    }
    case 'accept':
    case 'taken':
      return { ...fields, count: word(frame, 0) };
    case 'pull': {
      const max = word(frame, 0);
      return { ...fields, wait: frame.c === 0, max, selector: selector(frame.rest.subarray(4)) };
    }
    case 'send':
      return { ...fields, wait: frame.c === 0, ...content(frame, 12) };
    case 'deliver': {
      const as = { delivery: word(frame, 12), order: word(frame, 16), returned: word(frame, 20) };
      const length = byte(frame, 24);
      return { ...fields, ...as, from: name(frame, 25, length), ...content(frame, 25 + length) };
    }
    case 'adopt': {
      const length = byte(frame, 12);
      const mailbox = name(frame, 13, length);
      const fromLength = byte(frame, 13 + length);
      const from = name(frame, 14 + length, fromLength);
      return { ...fields, mailbox, from, ...content(frame, 14 + length + fromLength) };
    }
    default:
      return fields;
  }
}

function content(frame: Frame, bodyAt: number): Partial<Fields> {
  const { body, codec, priority, type, sentAt } = envelope(frame, 'x', bodyAt, defaultLimits);
  const hex = Buffer.from(body).toString('hex');
  return { codec: nameIn(CodecId, codec), priority, type, sentAt, body: hex };
}

/** A kind that nobody knows is for the runtime to refuse. */
function refuse(frame: Frame): never {
  new Channels({} as Session, {} as SessionOwner).onFrame(frame);
  throw new Error(`kind ${frame.kind} is handled, but Kind does not list it`);
}
