#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <ctime>

#include "layout.h"

namespace pigeonhole::shm {

// Not FUTEX_PRIVATE_FLAG: the other side is another process (futex(2)).

inline void futexWake(HalfWord& word) {
  ::syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

/** Until woken, `word` differs from `value`, a signal came or `ms` have passed (a relative FUTEX_WAIT is monotonic). */
inline void futexWait(HalfWord& word, uint32_t value, double ms) {
  timespec time;
  time.tv_sec = static_cast<time_t>(ms / 1000);
  time.tv_nsec = static_cast<long>((ms - static_cast<double>(time.tv_sec) * 1000) * 1e6);
  ::syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT, value, &time, nullptr, 0);
}

}  // namespace pigeonhole::shm
