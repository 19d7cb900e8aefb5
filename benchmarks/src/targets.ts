/** What we promise ourselves. A missed target is reported, not a failure: the figure is what matters. */

import type { KindName } from './contender.js';
import { type CaseResult, ratioOf, summaryOf } from './suite.js';

interface TargetBase {
  readonly label: string;
  readonly kind: KindName;
  /** The case that has to reach it. */
  readonly of: string;
  readonly metric: string;
}

/** A bound on a ratio to a peer of the same kind. */
interface RatioTarget extends TargetBase {
  readonly against: string;
  readonly atLeast: number;
}

/** A bound on a figure itself. */
interface BoundTarget extends TargetBase {
  readonly atMost: number;
  readonly unit: string;
}

type Target = RatioTarget | BoundTarget;

/** How a target came out. */
export interface TargetResult {
  readonly label: string;
  /** The median; absent when the cases were not run. */
  readonly value?: number;
  readonly text: string;
  readonly reached?: boolean;
}

const ZEROMQ = 'zeromq.js push/pull, JSON';
const FOOTPRINT = 'uds, 1,000 mailboxes';
const KIB = 1024;

const targets: readonly Target[] = [
  {
    label: 'uds one way, many sends in flight ≥ 2× zeromq.js',
    kind: 'one-way',
    of: 'uds, 256 sends in flight',
    against: ZEROMQ,
    metric: 'rate',
    atLeast: 2,
  },
  {
    label: 'uds one way, batches ≥ 2× zeromq.js',
    kind: 'one-way',
    of: 'uds, sendMany / receiveMany of 256',
    against: ZEROMQ,
    metric: 'rate',
    atLeast: 2,
  },
  ...['udp, 256 sends in flight', 'udp, sendMany / receiveMany of 256'].map(
    (of): Target => ({
      label: `${of}, one way ≥ 1.5× one datagram a message`,
      kind: 'one-way',
      of,
      against: 'bare UDP, MessagePack, one datagram a message',
      metric: 'rate',
      atLeast: 1.5,
    }),
  ),
  {
    label: 'bare UDP ping-pong ≥ 0.667× udp mailbox round trip, which is then ≤ 1.5× the ping-pong',
    kind: 'round-trip',
    of: 'bare UDP, 107 opaque bytes',
    against: 'udp, two mailboxes',
    metric: 'p50',
    atLeast: 0.667,
  },
  ...['tcp, 256 sends in flight', 'tcp, sendMany / receiveMany of 256'].map(
    (of): Target => ({
      label: `${of}, one way ≥ 1.5× one write a message`,
      kind: 'one-way',
      of,
      against: 'net TCP, MessagePack, one write a message',
      metric: 'rate',
      atLeast: 1.5,
    }),
  ),
  {
    label: 'bare TCP ping-pong ≥ 0.667× tcp mailbox round trip, which is then ≤ 1.5× the ping-pong',
    kind: 'round-trip',
    of: 'net TCP, 107 opaque bytes',
    against: 'tcp, two mailboxes',
    metric: 'p50',
    atLeast: 0.667,
  },
  {
    label: 'uds tell ≥ 0.7× send, 256 in flight each',
    kind: 'one-way',
    of: 'uds, tell, 256 in flight',
    against: 'uds, 256 sends in flight',
    metric: 'rate',
    atLeast: 0.7,
  },
  {
    label: 'uds mailbox round trip ≥ 0.625× ask, which is ask ≤ 1.6× the round trip',
    kind: 'round-trip',
    of: 'uds, two mailboxes',
    against: 'uds, ask',
    metric: 'p50',
    atLeast: 0.625,
  },
  {
    label: "uds idle actor, heap on the host's side ≤ 4 KiB",
    kind: 'footprint',
    of: 'uds, 10,000 idle actors',
    metric: 'hostHeap',
    atMost: 4 * KIB,
    unit: 'B',
  },
  ...(['host', 'sender'] as const).flatMap((side): Target[] => [
    {
      label: `uds idle mailbox, heap on the ${side}'s side ≤ 4 KiB`,
      kind: 'footprint',
      of: FOOTPRINT,
      metric: `${side}Heap`,
      atMost: 4 * KIB,
      unit: 'B',
    },
    {
      label: `uds, descriptors added on the ${side}'s side by 999 more mailboxes: none`,
      kind: 'footprint',
      of: FOOTPRINT,
      metric: `${side}DescriptorsAdded`,
      atMost: 0,
      unit: 'added',
    },
  ]),
];

function evaluate(
  target: Target,
  find: (kind: KindName, name: string) => CaseResult | undefined,
): TargetResult {
  const ours = find(target.kind, target.of);
  const notMeasured = { label: target.label, text: 'not measured' };
  if (ours === undefined) return notMeasured;
  if ('atMost' in target) {
    const value = summaryOf(ours, target.metric)?.median;
    if (value === undefined) return notMeasured;
    const text = `${Math.round(value)} ${target.unit}`;
    return { label: target.label, value, text, reached: value <= target.atMost };
  }
  const theirs = find(target.kind, target.against);
  const value = theirs === undefined ? undefined : ratioOf(ours, theirs, target.metric)?.median;
  if (value === undefined) return notMeasured;
  return { label: target.label, value, text: `${value.toFixed(1)}×`, reached: value >= target.atLeast };
}

/** All targets against these results. */
export function evaluateTargets(results: readonly CaseResult[]): TargetResult[] {
  const find = (kind: KindName, name: string): CaseResult | undefined =>
    results.find(({ entry: { testCase } }) => testCase.kind === kind && testCase.name === name);
  return targets.map((target) => evaluate(target, find));
}

/** `target: uds one way ≥ 2× zeromq.js → 2.7× reached`. */
export function targetLine({ label, text, reached }: TargetResult): string {
  const verdict = reached === undefined ? '' : reached ? ' reached' : ' not reached';
  return `target: ${label} → ${text}${verdict}`;
}
