#pragma once

#include <string>

namespace pigeonhole::shm {

/** What ends a call on shared memory other than by its result; each becomes a PigeonholeError code. */
struct Fault {
  enum class Kind { noSpace, corrupt, version, limit, busy, system } kind;
  int error;  // errno, or 0
  std::string message;
};

[[noreturn]] inline void corrupt(const char* what) { throw Fault{Fault::Kind::corrupt, 0, what}; }

}  // namespace pigeonhole::shm
