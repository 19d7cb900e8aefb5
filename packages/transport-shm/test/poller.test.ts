import { Patience } from '@pigeonhole/core/transport';
import { expect, onTestFinished, test, vi } from 'vitest';
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
  again(): void {
    this.told.push('again');
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
  expect([polled.polls, polled.lingers, polled.parks]).toEqual([0, 0, 1]);
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
  const exchanges = ['begin', 'came', 'again', 'came', 'again', 'came', 'again', 'came'];
  expect(patience.told).toEqual(exchanges);
  expect([polled.polls, polled.parks]).toEqual([4, 0]);
  polled.waiting = true;
  poller.add(polled);
  await turns(10);
  expect(patience.told).toEqual([...exchanges, 'begin', 'came']);
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

/** Answered in the turn after it has begun to be waited for; then the application takes its time, and asks again. */
async function handled(milliseconds: number): Promise<Stub> {
  const patience = new Patience(0.05, undefined, null);
  const poller = new Poller(patience);
  let now = 1_000;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  onTestFinished(() => clock.mockRestore());
  class Handled extends Stub {
    override poll(): boolean {
      super.poll();
      now += 0.01;
      if (this.polls % 2 === 1) return false;
      this.waiting = false;
      queueMicrotask(() => {
        now += milliseconds;
        this.waiting = true;
        poller.add(this);
      });
      return true;
    }
  }
  const polled = new Handled();
  poller.add(polled);
  await turns(400);
  poller.close();
  return polled;
}

test('the time that the application takes between two calls is no time of waiting', async () => {
  expect((await handled(0.01)).parks).toBe(0);
  expect((await handled(10)).parks).toBe(0);
});

test('nor is it where another call waits all the time', async () => {
  const patience = new Patience(0.05, undefined, null);
  const poller = new Poller(patience);
  let now = 1_000;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  onTestFinished(() => clock.mockRestore());
  class Answered extends Stub {
    override poll(): boolean {
      super.poll();
      this.waiting = false;
      queueMicrotask(() => {
        now += 10;
        this.waiting = true;
        poller.add(this);
      });
      return true;
    }
  }
  const idle = new Stub();
  poller.add(new Answered());
  poller.add(idle);
  await turns(100);
  expect(idle.polls).toBeGreaterThan(90);
  expect(idle.parks).toBe(0);
  poller.close();
});

test('a call that is answered in the first turn is a success', async () => {
  const patience = new Patience(0.05, 2, null);
  const poller = new Poller(patience);
  let answered = false;
  class Once extends Stub {
    override poll(): boolean {
      super.poll();
      this.waiting = !answered;
      return answered;
    }
  }
  const parksOf = async (): Promise<number> => {
    const polled = new Once();
    poller.add(polled);
    await turns(6);
    poller.remove(polled);
    return polled.parks;
  };
  for (let i = 0; i < 8; i++) await parksOf();
  answered = true;
  while (!patience.begin(true));
  patience.goOn(true);
  answered = false;
  const polls: number[] = [];
  for (let i = 0; i < 3; i++) {
    const polled = new Once();
    poller.add(polled);
    await turns(6);
    poller.remove(polled);
    polls.push(polled.polls);
  }
  // Two turns, as if nothing had ever failed; then one is left out.
  expect(polls).toEqual([2, 0, 2]);
  poller.close();
});

test('at most so many turns without anything', async () => {
  for (const most of [1, 2, 20]) {
    const poller = new Poller(new Patience(1000, most, null));
    const polled = new Stub();
    poller.add(polled);
    await turns(30);
    expect(polled.polls).toBe(most);
    poller.close();
  }
});

test('what throws in one turn does not keep the others from the next', async () => {
  const poller = new Poller(new Turns(100));
  const thrown: unknown[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener);
  });
  class Broken extends Stub {
    override poll(): boolean {
      if (this.polls++ === 0) throw new Error('no memory');
      return false;
    }
  }
  const [broken, other] = [new Broken(), new Stub()];
  poller.add(broken);
  poller.add(other);
  await turns(6);
  expect(thrown.map((error) => (error as Error).message)).toEqual(['no memory']);
  expect(other.polls).toBeGreaterThan(0);
  poller.close();
});
