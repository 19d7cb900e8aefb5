/** CPU time of this process, in microseconds, user and system, all threads together. */
export function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Seconds of CPU a million messages cost. */
export function cpuPerMillion(microseconds: number, messages: number): number {
  return messages > 0 ? microseconds / messages : 0;
}
