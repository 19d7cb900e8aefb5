import type { ReceiveOperation } from '@pigeonhole/core/transport';
import type { ShmMembers } from '@pigeonhole/native';

type Group = NonNullable<ReceiveOperation['group']>;

/**
 * The select of this process that senders may meet, though it waits in several mailboxes: it has a token, which whoever
 * gives it a message takes first. One at a time; any other takes from senders that wait, but no `trySend` meets it.
 */
export class Meeting {
  private group: Group | null = null;
  private token = 0;

  constructor(private readonly members: ShmMembers) {}

  /** The token to wait with: 0 for a call that waits by itself, null for a select that cannot have one now. */
  tokenFor(group: Group | null): number | null {
    if (group === null) return 0;
    if (this.group !== group) {
      if (this.group !== null && !this.group.settled) return null;
      this.group = group;
      this.token = this.members.newToken();
    }
    return this.token;
  }

  /** Before a message is claimed for it: false when a sender is giving it one. */
  enter(group: Group | null): boolean {
    return group === null || this.group !== group || this.members.takeToken(this.token);
  }

  /** Nothing was claimed after all. */
  leave(group: Group | null): void {
    if (group !== null && this.group === group) this.members.releaseToken(this.token);
  }

  /** Whoever had taken it may be dead: it gets another, once nothing waits with the old one. */
  renew(): void {
    this.group = null;
  }
}
