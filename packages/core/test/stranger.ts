import { connect } from 'node:net';
import { join } from 'node:path';
import { createRuntime, type RuntimeOptions } from '../dist/index.js';
import { FrameParser } from '../src/frame-parser.js';
import { FrameWriter, Kind, parseJson } from '../src/framing.js';
import { type ChildError, filesIn } from './child.js';

/** In the channel field of every hello. */
export const MAGIC = 0x4e474950;

/**
 * What a runtime warns of when a stranger dials it and says `hello`. The stranger is told the same.
 */
export async function fromStranger(
  given: RuntimeOptions,
  hello: (writer: FrameWriter, incarnation: string) => void,
): Promise<ChildError> {
  const runtime = await createRuntime(given);
  const warned = new Promise<Error>((resolve) => runtime.once('warning', resolve));
  const directory = given.directory as string;
  const port = (await filesIn(directory)).find((file) => file.endsWith('.uds')) as string;
  const socket = connect(join(directory, port));
  const told = new Promise<Record<string, unknown>>((resolve) => {
    const parser = new FrameParser(({ kind, rest }) => kind === Kind.error && resolve(parseJson(rest)));
    socket.on('data', (chunk) => parser.push(chunk, true));
  });
  const writer = new FrameWriter((batch) => socket.write(batch));
  hello(writer, port.slice(port.lastIndexOf('/') + 1, -'.uds'.length));
  writer.flush();
  const error = (await warned) as ChildError;
  const { code, message } = await told;
  if (code !== error.code || !error.message.endsWith(String(message)))
    throw new Error(`the stranger was told ${code}: ${message}; the runtime was warned of ${error.message}`);
  socket.destroy();
  await runtime.close();
  return error;
}
