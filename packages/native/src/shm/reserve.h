#pragma once

#include <sys/types.h>

#include <string>

namespace pigeonhole::shm {

/**
 * A descriptor that a process keeps while it is a member, for the time when it can get no other: to map a file, or to ring a
 * bell, takes one for a moment only. Without it a message that somebody has given to this process could not be read, nor
 * whoever sleeps be woken, until descriptors are free again.
 */
class Reserve {
 public:
  Reserve();
  ~Reserve();
  Reserve(const Reserve&) = delete;
  Reserve& operator=(const Reserve&) = delete;

  /** open(2), without EINTR; with the descriptor in reserve if there is no other, once another thread that has it has closed it. */
  static int open(const std::string& path, int flags, mode_t mode = 0);
  /** Whether it was opened with the reserve: then it is to be closed at once. */
  static bool lent(int fd);
  /** close(2) of what `open` gave, and fills the reserve again. */
  static void close(int fd);
};

}  // namespace pigeonhole::shm
