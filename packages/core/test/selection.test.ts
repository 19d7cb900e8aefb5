/** Selection through the indexes of a long backlog and of many waiting receives, held to a plain scan. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Backlog, Entry } from '../src/backlog.js';
import { type Envelope, matches, type Selector } from '../src/message.js';
import { Receivers } from '../src/receivers.js';
import { message, TakingReceive } from './queue-operations.js';

const type = fc.integer({ min: 0, max: 4 });
const sender = fc.constantFrom('a', 'b', 'c');
const selector: fc.Arbitrary<Selector | null> = fc.oneof(
  fc.constant(null),
  fc.record({
    types: fc.option(fc.array(type, { minLength: 1, maxLength: 6 })),
    from: fc.option(sender),
  }),
);
const envelope: fc.Arbitrary<Envelope> = fc
  .record({ type, from: sender, priority: fc.integer({ min: 0, max: 3 }) })
  .map(({ from, type, priority }) => message(0, from, type, priority));

/** In the order of the backlog. */
function sorted(entries: Entry[], priority: boolean): Entry[] {
  const level = (entry: Entry): number => (priority ? entry.envelope.priority : 0);
  return entries.sort((a, b) => level(b) - level(a) || a.order - b.order);
}

test('a backlog finds what a scan would, whatever was removed and came back', () => {
  const command = fc.oneof(
    fc.record({ is: fc.constant('append' as const), envelope }),
    fc.record({ is: fc.constant('take' as const), selector }),
    fc.record({ is: fc.constant('restore' as const) }),
  );
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(envelope, { minLength: 70, maxLength: 90 }),
      fc.array(command),
      (...given) => {
        const [priority, first, commands] = given;
        const backlog = new Backlog(priority);
        let [inside, taken]: [Entry[], Entry[]] = [[], []];
        let order = 0;
        const append = (envelope: Envelope): void => {
          const entry = new Entry(envelope, order++, null);
          backlog.append(entry);
          inside = sorted([...inside, entry], priority);
        };
        first.forEach(append);
        for (const command of commands) {
          if (command.is === 'append') append(command.envelope);
          else if (command.is === 'take') {
            const found = backlog.find(command.selector);
            expect(found).toBe(inside.find((entry) => matches(command.selector, entry.envelope)) ?? null);
            if (found === null) continue;
            backlog.remove(found);
            taken.push(found);
            inside = inside.filter((entry) => entry !== found);
          } else {
            backlog.restore(taken);
            inside = sorted([...inside, ...taken], priority);
            taken = [];
          }
        }
        expect([...backlog]).toEqual(inside);
      },
    ),
    { numRuns: 300 },
  );
});

test('the first receive that takes a message is the one that a scan would find', () => {
  fc.assert(
    fc.property(fc.array(selector, { maxLength: 40 }), fc.array(envelope), fc.array(fc.nat()), (...given) => {
      const [selectors, messages, leaving] = given;
      const receivers = new Receivers();
      let waiting = selectors.map((selector) => new TakingReceive(selector, true));
      for (const receive of waiting) receivers.push(receive);
      for (const [at, message] of messages.entries()) {
        const all = waiting.filter((receive) => matches(receive.selector, message));
        const found: unknown[] = [];
        for (let at = receivers.find(message); at !== null; at = receivers.find(message, at.order))
          found.push(at);
        expect(found).toEqual(all);
        const gone = waiting[(leaving[at] ?? 0) % Math.max(1, waiting.length)];
        if (gone !== undefined) receivers.remove(gone);
        waiting = waiting.filter((receive) => receive !== gone);
        expect(receivers.size).toBe(waiting.length);
      }
      expect(receivers.drain()).toEqual(waiting);
      expect(receivers.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});
