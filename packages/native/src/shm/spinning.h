#pragma once

#include <algorithm>
#include <cstdint>

namespace pigeonhole::shm {

/** Tells the processor that this thread only looks again. */
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/**
 * Looks again and again before a thread sleeps, and learns whether that is of use: where two are on one processor, what the one waits for cannot
 * come while it looks. After a time in vain the next is left out, then three, seven, fifteen. What is tried after that lasts longer, some times: if
 * the other side sleeps, being left out there, it takes as long as that to wake up, and would else find this one asleep each time.
 */
class Spinning {
 public:
  bool worth() const { return leaveOut_ == 0; }
  /** What was waited for came while the thread was awake. */
  void good() { failures_ = 0; }

  /** Whether `changed` became true within so many looks; where it is not worth it, it is not looked at. */
  template <class Changed>
  bool until(Changed&& changed, int most) {
    if (leaveOut_ > 0) {
      leaveOut_--;
      return false;
    }
    if (patient_ > 0) {
      patient_--;
      most *= kPatience;
    }
    for (int looks = 0; looks < most; looks++) {
      if (changed()) {
        good();
        return true;
      }
      relax();
    }
    failures_ = std::min(2 * failures_ + 1, kMostLeftOut);
    leaveOut_ = failures_;
    patient_ = kPatientTimes;
    return false;
  }

 private:
  static constexpr uint32_t kMostLeftOut = 15;
  static constexpr int kPatience = 4;
  static constexpr uint32_t kPatientTimes = 16;
  uint32_t failures_ = 0;
  uint32_t leaveOut_ = 0;
  uint32_t patient_ = 0;
};

}  // namespace pigeonhole::shm
