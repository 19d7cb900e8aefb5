import { SocketLink } from '@pigeonhole/core/transport';

/** One connection. */
export class StreamLink extends SocketLink {
  /**
   * Whoever listens on a service manager's socket may die before it has accepted; then the kernel keeps the connection for its successor. To
   * that the link would be a stranger's.
   */
  peerDown(): void {
    if (this.socket.bytesRead === 0) this.socket.destroy();
  }
}
