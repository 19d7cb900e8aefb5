/** How our own cases open what they use. */

import { createRuntime, type Runtime, type TransportSetting } from '@pigeonhole/core';
import type { Close, Place } from '../contender.js';
import { NAMESPACE } from '../place.js';

/** A transport as configured, and what reports call it. */
export interface Setting {
  readonly label: string;
  readonly transport: TransportSetting;
}

/** A runtime in the case's own directory. */
export async function join(place: Place, transport: TransportSetting, name: string): Promise<Runtime> {
  process.env.PIGEONHOLE_DIR = place.directory;
  return createRuntime({ name, namespace: NAMESPACE, transport });
}

/** Closes the runtime; and so ends the loop that `receiving` is, for which that is the regular end. */
export function closing(runtime: Runtime, receiving?: Promise<unknown>): Close {
  receiving?.catch(() => undefined);
  return () => runtime.close().then(() => undefined);
}
