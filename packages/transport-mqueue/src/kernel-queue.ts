/** What one kind of kernel queue does for a mailbox. */
export interface KernelQueue {
  /** Messages that it holds at most. */
  readonly capacity: number;
  /** Most bytes of one. */
  readonly messageBytes: number;
  /** How many there are now. */
  messages(): number;
  /** `false`: it is full. Throws when it is gone. */
  send(head: Uint8Array, body: Uint8Array, type: number, priority: number): boolean;
  /** Bytes of room that it needs. */
  sizeOf(head: Uint8Array, body: Uint8Array): number;
  /** Takes the first (of `type`; 0: of any); null when there is none. The bytes are overwritten by the next. */
  receive(type: number): Taken | null;
  /** What to call for: messages of these types (0: of any), and room for so many bytes (0: none). Called again and again while it holds. */
  watch(types: ReadonlySet<number>, room: number): void;
  close(): void;
}

export interface Taken {
  readonly bytes: Uint8Array;
  /** 0: none. */
  readonly type: number;
  readonly priority: number;
}

/** How a queue is to be made. */
export interface KernelSpec {
  readonly capacity: number | undefined;
  readonly messageBytes: number | undefined;
  readonly byPriority: boolean;
}

export interface KernelEvents {
  message(): void;
  room(): void;
  /** Somebody has removed it. */
  gone(): void;
}

/** Where a queue is: by a name (POSIX) or a key (System V). */
export interface KernelApi {
  readonly api: 'posix' | 'sysv';
  /** Opens it, or makes it. */
  open(address: string | number, spec: KernelSpec, events: KernelEvents): KernelQueue;
  /** Messages in it; null when there is none. */
  look(address: string | number): number | null;
  remove(address: string | number): void;
}
