import { PigeonholeError, show } from '../errors.js';
import type { Frame } from '../frame-parser.js';
import { type FrameWriter, Kind, PROTOCOL_VERSION, parseJson } from '../framing.js';
import { isIncarnation, isName } from '../naming.js';
import type { PeerInfo } from '../transport.js';

/** 'PIGN', in the channel field of every hello. */
const MAGIC = 0x4e474950;

/** What a process says of itself in its hello. */
export interface Introduction {
  readonly name: string;
  readonly incarnation: string;
  readonly pid: number;
  /** It knows only the name of this process, and not its incarnation: it is on another host. */
  readonly byName: boolean;
}

/** How a process is addressed of which only the name is known. No incarnation looks like it. */
function byName(name: string): string {
  return `@${name}`;
}

/** Says who this process is, and whom it means to speak to. */
export function writeHello(
  writer: FrameWriter,
  namespace: string,
  { name, incarnation, pid }: PeerInfo,
  to: Pick<PeerInfo, 'name' | 'incarnation'>,
): void {
  const wanted = to.incarnation || byName(to.name);
  writer.json(Kind.hello, MAGIC, PROTOCOL_VERSION, { namespace, name, incarnation, pid, to: wanted });
}

/** Who speaks, where the first frame of a link is a hello to `self`. Throws what is wrong with it. */
export function readHello(frame: Frame, namespace: string, self: PeerInfo): Introduction {
  if (frame.kind !== Kind.hello || frame.channel !== MAGIC)
    throw new PigeonholeError('ERR_FRAME', 'the first frame is not a hello of the Pigeonhole link protocol');
  if (frame.number !== PROTOCOL_VERSION)
    throw new PigeonholeError(
      'ERR_VERSION',
      `the other side speaks link protocol version ${frame.number}; this side speaks ${PROTOCOL_VERSION}`,
    );
  const { namespace: theirs, name, incarnation, pid, to } = parseJson(frame.rest);
  if (!isName(name) || !isIncarnation(incarnation))
    throw new PigeonholeError('ERR_FRAME', 'the hello names no process');
  if (theirs !== namespace)
    throw new PigeonholeError(
      'ERR_NOT_OURS',
      `process '${name}' belongs to namespace ${show(theirs)}; this is '${namespace}'`,
    );
  const wanted = byName(self.name);
  if (to !== self.incarnation && to !== wanted)
    throw new PigeonholeError(
      'ERR_FENCED',
      // Which one this is, is for those to know who can read the runtime directory: the other side is still a stranger.
      `process '${name}' wanted incarnation ${show(to)}; this is another one, its successor or another process`,
    );
  if (incarnation === self.incarnation)
    throw new PigeonholeError('ERR_FENCED', `a process says it is '${name}', which is this very process`);
  return { name, incarnation, pid: typeof pid === 'number' ? pid : 0, byName: to === wanted };
}
