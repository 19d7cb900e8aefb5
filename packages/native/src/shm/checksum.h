#pragma once

#include <cstring>

#include "layout.h"

namespace pigeonhole::shm {

/** Bodies from here on are summed as they are copied. */
inline constexpr uint32_t kBulk = 512;

/**
 * Finds what a stray write has changed; no defence against an enemy, who would have to be of the same user. Of a record whose body is
 * unchecked, `body` is not read.
 *
 * Short bodies are read in four independent chains of multiplications. Of long ones eight chains each sum the words, and the sums: that
 * is additions of two words at a time, which cost nothing beside the memory that they read, while the multiplications took longer than a copy.
 */
class Checksum {
 public:
  explicit Checksum(const Record& record)
      : sums_{record.length, record.sentAt, uint64_t{record.codec} << 32 | record.type, uint64_t{record.order} << 32 | record.priority} {}

  /** Once, with the whole body. */
  void add(const std::byte* body, size_t length) {
    if (length >= kBulk) addBulk<false>(body, nullptr, length);
    else addShort(body, length);
  }
  /** The same, and copies it. */
  void addCopy(const std::byte* body, std::byte* to, size_t length) {
    if (length >= kBulk) {
      addBulk<true>(body, to, length);
    } else if (length > 0) {
      addShort(body, length);
      std::memcpy(to, body, length);
    }
  }

  uint32_t value() const {
    uint64_t sum = 0;
    for (const uint64_t each : sums_) sum = mix(sum, each);
    return static_cast<uint32_t>(sum ^ sum >> 32);
  }

 private:
  /** Two words, wherever they lie. */
  using Two = uint64_t __attribute__((vector_size(16), aligned(1), may_alias));

  static uint64_t mix(uint64_t sum, uint64_t word) {
    sum = (sum ^ word) * 0x9e37'79b9'7f4a'7c15;
    return sum ^ sum >> 29;
  }

  void addShort(const std::byte* body, size_t left) {
    uint64_t words[4];
    for (; left >= 32; left -= 32, body += 32) {
      std::memcpy(words, body, 32);
      // Written out, so that the four stay in registers: at -O2 the loop takes twice as long.
      sums_[0] = mix(sums_[0], words[0]);
      sums_[1] = mix(sums_[1], words[1]);
      sums_[2] = mix(sums_[2], words[2]);
      sums_[3] = mix(sums_[3], words[3]);
    }
    while (left > 0) {
      const size_t bytes = left < 8 ? left : 8;
      uint64_t word = 0;
      std::memcpy(&word, body, bytes);
      sums_[0] = mix(sums_[0], word);
      left -= bytes;
      body += bytes;
    }
  }

  /** Each word is read once: what is summed is what is copied, whatever others do to it meanwhile. */
  template <bool kCopy>
  void addBulk(const std::byte* body, std::byte* to, size_t left) {
    Two a0{}, a1{}, a2{}, a3{}, b0{}, b1{}, b2{}, b3{};
    for (; left >= 64; left -= 64, body += 64) {
      const Two* from = reinterpret_cast<const Two*>(body);
      const Two words[4] = {from[0], from[1], from[2], from[3]};
      if constexpr (kCopy) {
        Two* copy = reinterpret_cast<Two*>(to);
        copy[0] = words[0], copy[1] = words[1], copy[2] = words[2], copy[3] = words[3];
        to += 64;
      }
      b0 += a0 += words[0];
      b1 += a1 += words[1];
      b2 += a2 += words[2];
      b3 += a3 += words[3];
    }
    for (size_t half = 0; half < 2; half++) {
      sums_[0] = mix(mix(sums_[0], a0[half]), b0[half]);
      sums_[1] = mix(mix(sums_[1], a1[half]), b1[half]);
      sums_[2] = mix(mix(sums_[2], a2[half]), b2[half]);
      sums_[3] = mix(mix(sums_[3], a3[half]), b3[half]);
    }
    if (left == 0) return;
    addShort(body, left);
    if constexpr (kCopy) std::memcpy(to, body, left);
  }

  uint64_t sums_[4];
};

/** Of a record whose body need not be copied. */
inline uint32_t checksum(const Record& record, const std::byte* body) {
  Checksum sum(record);
  if ((record.codec & kBodyUnchecked) == 0) sum.add(body, record.length);
  return sum.value();
}

}  // namespace pigeonhole::shm
