#pragma once

// Every change of shared memory goes through these, so that a build with PIGEONHOLE_CRASH_AT can end the process before
// the n-th of them, and a reader of the code can see which load pairs with which store.

#include "layout.h"

namespace pigeonhole::shm {

#ifdef PIGEONHOLE_CRASH_AT
/** Ends the process with SIGKILL when it is called for the n-th time, n being what `crashAt` was given. */
void crashPoint();
void crashAt(long n);
long crashPointsPassed();
#else
inline void crashPoint() {}
#endif

#ifdef PIGEONHOLE_BUG_RELAXED
// Only for the test that proves that the sanitizers would see a missing barrier.
inline constexpr auto kAcquire = std::memory_order_relaxed;
inline constexpr auto kRelease = std::memory_order_relaxed;
#else
inline constexpr auto kAcquire = std::memory_order_acquire;
inline constexpr auto kRelease = std::memory_order_release;
#endif

template <class T>
T load(const std::atomic<T>& word) {
  return word.load(kAcquire);
}

/** For words that only their owner writes, or that a later release publishes. */
template <class T>
void put(std::atomic<T>& word, T value) {
  crashPoint();
  word.store(value, std::memory_order_relaxed);
}

template <class T>
void publish(std::atomic<T>& word, T value) {
  crashPoint();
  word.store(value, kRelease);
}

/** Sequentially consistent: a swap of the ledger and a load of the idle bits (or the reverse) must not pass one another. */
template <class T>
bool swap(std::atomic<T>& word, T from, T to) {
  crashPoint();
#ifdef PIGEONHOLE_BUG_RELAXED
  return word.compare_exchange_strong(from, to, std::memory_order_relaxed);
#else
  return word.compare_exchange_strong(from, to, std::memory_order_seq_cst);
#endif
}

/** Sequentially consistent with the loads and stores of others that are: who reads their tallies afterwards sees what they had done before they read this. */
inline void announce(Word& word, uint64_t value) {
  crashPoint();
#ifdef PIGEONHOLE_BUG_RELAXED
  word.store(value, std::memory_order_relaxed);
#else
  word.store(value, std::memory_order_seq_cst);
#endif
}

inline uint64_t setBits(Word& word, uint64_t bits) {
  crashPoint();
  return word.fetch_or(bits, std::memory_order_seq_cst);
}

inline uint64_t clearBits(Word& word, uint64_t bits) {
  crashPoint();
  return word.fetch_and(~bits, std::memory_order_seq_cst);
}

}  // namespace pigeonhole::shm
