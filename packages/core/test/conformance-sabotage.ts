/** Makes a runtime that breaks rules out of a sound one, by changing what passes through its handles. */
import type {
  CreateRuntime,
  ReceiverUnderTest,
  RuntimeSettings,
  RuntimeUnderTest,
  SenderUnderTest,
} from '@pigeonhole/core/conformance';

type Address = Parameters<RuntimeUnderTest['sender']>[0];
type Source = Parameters<RuntimeUnderTest['receiver']>[0];
export type AnyAddress = Address | Source;
export type Message = Awaited<ReturnType<ReceiverUnderTest['receive']>>;

/** What one broken runtime does differently. What it leaves out stays sound. */
export interface Sabotage {
  settings?(settings: RuntimeSettings): RuntimeSettings;
  create?(next: CreateRuntime, settings: RuntimeSettings): Promise<RuntimeUnderTest>;
  address?(address: AnyAddress, role: 'sender' | 'receiver'): AnyAddress;
  sender?(sound: SenderUnderTest, address: AnyAddress, runtime: RuntimeUnderTest): Partial<SenderUnderTest>;
  receiver?(
    sound: ReceiverUnderTest,
    address: AnyAddress,
    runtime: RuntimeUnderTest,
  ): Partial<ReceiverUnderTest>;
  runtime?(sound: RuntimeUnderTest, settings: RuntimeSettings): Partial<RuntimeUnderTest>;
}

/** `make` is called for each runtime: what it closes over is that runtime's own. */
export function sabotaged(createRuntime: CreateRuntime, make: () => Sabotage): CreateRuntime {
  return async (given) => {
    const sabotage = make();
    const settings = sabotage.settings?.(given) ?? given;
    const sound = await (sabotage.create?.(createRuntime, settings) ?? createRuntime(settings));
    return override(throughHandles(sound, sabotage), sabotage.runtime?.(sound, settings) ?? {});
  };
}

/** `target` with some members changed. */
export function override<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      const changed: unknown = Reflect.get(changes, key);
      if (changed !== undefined) return changed;
      const own: unknown = Reflect.get(target, key);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}

/** The runtime's own verbs, led through the same changed handles as everything else. */
function throughHandles(sound: RuntimeUnderTest, sabotage: Sabotage): RuntimeUnderTest {
  const at = <A extends AnyAddress>(address: A, role: 'sender' | 'receiver'): A =>
    (sabotage.address?.(address, role) ?? address) as A;
  const sender = async (address: Address): Promise<SenderUnderTest> => {
    const handle = await sound.sender(at(address, 'sender'));
    return override(handle, sabotage.sender?.(handle, address, sound) ?? {});
  };
  const receiver = async (address: Source): Promise<ReceiverUnderTest> => {
    const handle = await sound.receiver(at(address, 'receiver'));
    return override(handle, sabotage.receiver?.(handle, address, sound) ?? {});
  };
  const kept = new Map<string, Promise<SenderUnderTest> | Promise<ReceiverUnderTest>>();
  const keep = <H extends SenderUnderTest | ReceiverUnderTest>(
    role: string,
    address: AnyAddress,
    open: () => Promise<H>,
  ) => {
    const key = `${role} ${JSON.stringify(address)}`;
    const handle = (kept.get(key) as Promise<H> | undefined) ?? open();
    kept.set(key, handle as Promise<never>);
    handle.catch(() => kept.delete(key));
    return handle;
  };
  const to = (address: Address) => keep('sender', address, () => sender(address));
  const from = (address: Source) => keep('receiver', address, () => receiver(address));
  return override(sound, {
    sender,
    receiver,
    send: async (address, body, options) => (await to(address)).send(body, options),
    trySend: async (address, body, options) => (await to(address)).trySend(body, options),
    receive: async (address, options) => (await from(address)).receive(options),
    tryReceive: async (address, options) => (await from(address)).tryReceive(options),
    explain: (address) => sound.explain(at(address, 'sender')),
  });
}

/** Every verb of a receiver, with each message changed. */
export function showing(
  sound: ReceiverUnderTest,
  change: (message: Message) => Message,
): Partial<ReceiverUnderTest> {
  return {
    receive: async (options) => change(await sound.receive(options)),
    tryReceive: async (options) => {
      const message = await sound.tryReceive(options);
      return message === null ? null : change(message);
    },
    receiveMany: async (max, options) => (await sound.receiveMany(max, options)).map(change),
  };
}

export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}
