import { expect, test } from 'vitest';
import { type Polled, Poller } from '../src/poller.js';

/** Of which a test says what happens. */
class Stub implements Polled {
  waiting = true;
  polls = 0;
  parks = 0;
  lingers = 0;
  looks = 0;
  poll(): boolean {
    this.polls++;
    return false;
  }
  linger(): boolean {
    this.lingers++;
    return false;
  }
  postAhead(): void {}
  park(): boolean {
    this.parks++;
    return false;
  }
  lookUp(): boolean {
    this.looks++;
    return false;
  }
}

/** Stays awake for so many turns in vain, and says what it was told. */
class Turns {
  readonly told: string[] = [];
  constructor(private left: number) {}

  begin(): boolean {
    this.told.push('begin');
    return this.left > 0;
  }
  goOn(came: boolean): boolean {
    this.told.push(came ? 'came' : 'nothing');
    return came || --this.left > 0;
  }
  close(): void {
    this.told.push('close');
  }
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('what is parked is looked at again without being woken, and then looked after as before', async () => {
  const poller = new Poller(new Turns(0));
  // The looks keep no process alive; the test's worker lives anyway.
  const found = await new Promise<Stub>((resolve) => {
    class Forgotten extends Stub {
      override lookUp(): boolean {
        if (++this.looks < 2) return false;
        resolve(this);
        return true;
      }
    }
    poller.add(new Forgotten());
  });
  expect([found.looks, found.parks]).toEqual([2, 1]);
  poller.close();
});

test('a call is looked after for as long as it is worth it, and is then parked, once', async () => {
  const patience = new Turns(3);
  const poller = new Poller(patience);
  const polled = new Stub();
  poller.add(polled);
  await turns(8);
  expect(patience.told).toEqual(['begin', 'nothing', 'nothing', 'nothing']);
  expect([polled.polls, polled.lingers, polled.parks]).toEqual([3, 3, 1]);
  poller.close();
  expect(patience.told.at(-1)).toBe('close');
});

test('where it is not worth it, a call is parked at once, and nothing lingers', async () => {
  const poller = new Poller(new Turns(0));
  const polled = new Stub();
  poller.add(polled);
  await turns(4);
  expect([polled.polls, polled.lingers, polled.parks]).toEqual([1, 0, 1]);
  poller.close();
});

test('several calls are polled without lingering at one of them', async () => {
  const poller = new Poller(new Turns(3));
  const both = [new Stub(), new Stub()];
  for (const each of both) poller.add(each);
  await turns(8);
  expect(both.map(({ polls, lingers, parks }) => [polls, lingers, parks])).toEqual([
    [3, 0, 1],
    [3, 0, 1],
  ]);
  poller.close();
});

test('calls that follow one another are one occasion; what is over ends it within a turn', async () => {
  const patience = new Turns(3);
  const poller = new Poller(patience);
  let again = 3;
  class Answered extends Stub {
    override poll(): boolean {
      super.poll();
      this.waiting = false;
      // As `for await` does.
      if (again-- > 0)
        queueMicrotask(() => {
          this.waiting = true;
          poller.add(this);
        });
      return true;
    }
  }
  const polled = new Answered();
  poller.add(polled);
  await turns(10);
  expect(patience.told).toEqual(['begin', 'came', 'came', 'came', 'came']);
  expect([polled.polls, polled.parks]).toEqual([4, 0]);
  polled.waiting = true;
  poller.add(polled);
  await turns(10);
  expect(patience.told).toEqual(['begin', 'came', 'came', 'came', 'came', 'begin', 'came']);
  poller.close();
});

test('what has come while it was being parked is looked after again', async () => {
  const poller = new Poller(new Turns(0));
  class Late extends Stub {
    override park(): boolean {
      return ++this.parks < 3;
    }
  }
  const polled = new Late();
  poller.add(polled);
  await turns(8);
  expect(polled.parks).toBe(3);
  poller.close();
});
