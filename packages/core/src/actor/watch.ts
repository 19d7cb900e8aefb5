import { PigeonholeError } from '../errors.js';
import { Control, encodeError, Request } from './protocol.js';
import { Line } from './ref.js';
import { describeError, RemoteError } from './remote-error.js';
import type { ActorSystem } from './system.js';

/** That an actor has ended. */
export interface Termination {
  /** The actor's. */
  readonly name: string;
  /** It was stopped; it failed for good; or its process died. */
  readonly reason: 'stopped' | 'crashed' | 'lost';
  /** What it failed with. */
  readonly error?: Error;
}

/** Who wants to know: of the end, or that it will not be known any more because the runtime closes. */
export interface WatchListener {
  ended(termination: Termination): void;
  closed?(error: PigeonholeError): void;
}

/** One actor, watched from here for one or several who want to know. */
interface Watch {
  readonly id: number;
  readonly name: string;
  readonly listeners: Map<object, WatchListener>;
  /** Incarnation of the process that serves it, once the watch is in place. */
  worker: string | null;
  accepted: boolean;
  readonly placed: Promise<void>;
  place(): void;
  fail(error: unknown): void;
}

/** The actors that this runtime watches. */
export class Watches {
  private readonly byName = new Map<string, Watch>();
  private readonly byId = new Map<number, Watch>();

  constructor(private readonly system: ActorSystem) {}

  /**
   * Tells `listener` once when the actor of that name ends: as it is served when the watch gets there, which may be later if nobody
   * serves it yet. Resolves when the watch is in place. One listener for each `owner` and name.
   */
  watch(name: string, owner: object, listener: WatchListener): Promise<void> {
    let watch = this.byName.get(name);
    if (watch === undefined) watch = this.begin(name);
    watch.listeners.set(owner, listener);
    return watch.placed;
  }

  unwatch(name: string, owner: object): void {
    const watch = this.byName.get(name);
    if (watch === undefined) return;
    watch.listeners.delete(owner);
    if (watch.listeners.size > 0) return;
    this.drop(watch);
    watch.fail(new PigeonholeError('ERR_CLOSED', `the watch on actor '${name}' was taken back`));
    if (watch.worker === this.system.incarnation)
      this.system.actor(name)?.unwatch(this.system.incarnation, watch.id);
    else if (watch.worker !== null) this.system.control.post(watch.worker, [Control.unwatch, watch.id]);
  }

  unwatchAll(owner: object): void {
    for (const [name, { listeners }] of this.byName) if (listeners.has(owner)) this.unwatch(name, owner);
  }

  private begin(name: string): Watch {
    let place = (): void => {};
    let fail: (error: unknown) => void = () => {};
    const placed = new Promise<void>((resolve, reject) => {
      place = resolve;
      fail = reject;
    });
    placed.catch(() => {}); // whoever does not wait for it hears of a failure as a termination
    const id = this.system.nextId();
    const watch: Watch = {
      id,
      name,
      listeners: new Map(),
      worker: null,
      accepted: false,
      placed,
      place,
      fail,
    };
    this.byName.set(name, watch);
    this.byId.set(id, watch);
    const here = this.system.actor(name);
    if (here !== undefined) {
      here.watched(this.system.incarnation, id);
      this.inPlace(id, this.system.incarnation);
    } else void this.ask(watch);
    return watch;
  }

  private async ask(watch: Watch): Promise<void> {
    const line = new Line(watch.name, this.system);
    try {
      await line.send(
        [Request.watch, '', null, null, this.system.incarnation, watch.id],
        undefined,
        true,
        {},
      );
      watch.accepted = true;
    } catch (error) {
      const { code } = error as PigeonholeError;
      if (code === 'ERR_OUTCOME_UNKNOWN') this.end(watch.id, 'lost', undefined);
      else {
        this.drop(watch);
        watch.fail(error);
      }
    } finally {
      line.close();
    }
  }

  inPlace(id: number, worker: string): boolean {
    const watch = this.byId.get(id);
    if (watch === undefined) return false;
    watch.worker = worker;
    watch.place();
    return true;
  }

  /** Tells the listeners, once: the watch is gone with it. */
  end(id: number, reason: Termination['reason'], error: RemoteError | undefined): void {
    const watch = this.byId.get(id);
    if (watch === undefined) return;
    this.drop(watch);
    watch.place();
    const { name } = watch;
    const termination: Termination = error === undefined ? { name, reason } : { name, reason, error };
    for (const listener of watch.listeners.values()) listener.ended(termination);
  }

  down(incarnation: string): void {
    for (const { id, worker } of [...this.byId.values()])
      if (worker === incarnation) this.end(id, 'lost', undefined);
  }

  /** The process that held the mailbox is dead, and a watch that lay there with it. */
  lost(mailbox: string): void {
    const watch = this.byName.get(mailbox);
    if (watch?.accepted && watch.worker === null) this.end(watch.id, 'lost', undefined);
  }

  close(error: PigeonholeError): void {
    for (const watch of [...this.byId.values()]) {
      this.drop(watch);
      watch.fail(error);
      for (const listener of watch.listeners.values()) listener.closed?.(error);
    }
  }

  private drop(watch: Watch): void {
    this.byId.delete(watch.id);
    if (this.byName.get(watch.name) === watch) this.byName.delete(watch.name);
  }
}

/** Who watches one actor that is served here: by the incarnation of their runtime, and their number for it. */
export class Watchers {
  private readonly watchers = new Map<string, { readonly incarnation: string; readonly id: number }>();

  constructor(private readonly system: ActorSystem) {}

  add(incarnation: string, id: number): void {
    this.watchers.set(`${incarnation} ${id}`, { incarnation, id });
  }

  delete(incarnation: string, id: number): void {
    this.watchers.delete(`${incarnation} ${id}`);
  }

  down(incarnation: string): void {
    for (const [key, watcher] of this.watchers)
      if (watcher.incarnation === incarnation) this.watchers.delete(key);
  }

  tell(reason: Termination['reason'], thrown: unknown, actor: string): void {
    const error = thrown === undefined ? null : describeError(thrown, false);
    for (const { incarnation, id } of this.watchers.values())
      if (incarnation === this.system.incarnation)
        this.system.watches.end(id, reason, error === null ? undefined : new RemoteError(actor, error));
      else {
        const plain = error === null ? null : encodeError({ ...error, data: undefined });
        this.system.control.post(incarnation, [Control.terminated, id, reason, plain]);
      }
    this.watchers.clear();
  }
}
