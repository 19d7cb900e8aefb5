#pragma once

#include <napi.h>

#include <atomic>
#include <cstdint>

namespace pigeonhole {

enum class FutexResult { kWoken = 0, kChanged = 1, kTimedOut = 2 };

/** CLOCK_MONOTONIC, in nanoseconds. */
int64_t MonotonicNow();

/**
 * Sleeps while `*word` is `expected`, at most until `deadline` (MonotonicNow; negative: for ever). Between processes: the word is found
 * by its page, not by its address. A signal does not end it. `kWoken` may be spurious (futex(2)): look again.
 */
FutexResult FutexWait(std::atomic<int32_t>* word, int32_t expected, int64_t deadline);

/** Wakes at most `count` sleepers of any process; gives how many. */
int FutexWake(std::atomic<int32_t>* word, int count);

namespace futex {

/** futexWait(view, index, expected, milliseconds) → 0 woken, 1 changed, 2 timed out; futexWake(view, index, count) → number */
void Init(Napi::Env env, Napi::Object exports);

}  // namespace futex
}  // namespace pigeonhole
