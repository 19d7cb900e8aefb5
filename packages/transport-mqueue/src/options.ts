import { PigeonholeError, show } from '@pigeonhole/core/transport';

export interface MqueueOptions {
  /** `'posix'` (default): POSIX message queues (mq_overview(7)). `'sysv'`: System V's (sysvipc(7)). The same for all processes of a namespace. */
  api?: 'posix' | 'sysv';
  /** `'kernel'`: each mailbox is a queue of the kernel's own, under the transport name `mqueue-kernel`. Default: mailboxes are hosted. */
  queue?: 'hosted' | 'kernel';
  /**
   * With `queue: 'kernel'`: most bytes of one message, header included, in the queues that this process makes. Default 8192 with `posix`; with
   * `sysv` what so many messages as the capacity may have in a queue of the default size.
   */
  messageBytes?: number;
  /** With `queue: 'kernel'`: mailboxes that are queues of another name (`posix`: '/name') or key (`sysv`: 1 to 2147483647), such as a C program's. */
  queues?: Readonly<Record<string, string | number>>;
}

const rules: Readonly<
  Record<string, { what: string; holds(value: unknown, options: MqueueOptions): boolean }>
> = {
  api: { what: "'posix' or 'sysv'", holds: (value) => value === 'posix' || value === 'sysv' },
  queue: { what: "'hosted' or 'kernel'", holds: (value) => value === 'hosted' || value === 'kernel' },
  messageBytes: {
    what: "an integer from 256 to 16777216, with queue: 'kernel'",
    holds: (value, { queue }) =>
      queue === 'kernel' && Number.isInteger(value) && Number(value) >= 256 && Number(value) <= 2 ** 24,
  },
  queues: {
    what: "an object that gives mailboxes the names ('/name') or keys (1 to 2147483647) of their queues, with queue: 'kernel'",
    holds: (value, { queue, api }) =>
      queue === 'kernel' &&
      typeof value === 'object' &&
      value !== null &&
      Object.values(value).every(api === 'sysv' ? isKey : isName),
  },
};

/** mq_overview(7). */
function isName(value: unknown): boolean {
  return typeof value === 'string' && /^\/[^/\0]{1,254}$/.test(value) && value !== '/.' && value !== '/..';
}

function isKey(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) < 2 ** 31;
}

function configError(message: string): PigeonholeError {
  return new PigeonholeError('ERR_CONFIG', message, { transport: 'mqueue' });
}

/** Throws `ERR_CONFIG` naming the option, its value and what is allowed. */
export function checkOptions(options: MqueueOptions): void {
  for (const [key, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (rule === undefined)
      throw configError(
        `transport 'mqueue' has no option '${key}'; it has: ${Object.keys(rules).join(', ')}`,
      );
    if (value !== undefined && !rule.holds(value, options))
      throw configError(`option ${key} of transport 'mqueue' is ${show(value)}; it must be: ${rule.what}`);
  }
}
