#pragma once

#include <cstring>

#include "layout.h"

namespace pigeonhole::shm {

/**
 * Finds what a stray write has changed; no defence against an enemy, who would have to be of the same user. Four
 * independent chains of multiplications, so that large bodies are read at the speed of memory. Of a record whose body is
 * unchecked, `body` is not read.
 */
inline uint32_t checksum(const Record& record, const std::byte* body) {
  constexpr uint64_t kMultiplier = 0x9e37'79b9'7f4a'7c15;
  const auto mix = [](uint64_t sum, uint64_t word) {
    sum = (sum ^ word) * kMultiplier;
    return sum ^ sum >> 29;
  };
  uint64_t sums[4] = {record.length, record.sentAt, uint64_t{record.codec} << 32 | record.type, uint64_t{record.order} << 32 | record.priority};
  size_t left = (record.codec & kBodyUnchecked) != 0 ? 0 : record.length;
  uint64_t words[4];
  for (; left >= 32; left -= 32, body += 32) {
    std::memcpy(words, body, 32);
    // Written out, so that the four stay in registers: at -O2 the loop takes twice as long.
    sums[0] = mix(sums[0], words[0]);
    sums[1] = mix(sums[1], words[1]);
    sums[2] = mix(sums[2], words[2]);
    sums[3] = mix(sums[3], words[3]);
  }
  for (; left > 0;) {
    const size_t bytes = left < 8 ? left : 8;
    uint64_t word = 0;
    std::memcpy(&word, body, bytes);
    sums[0] = mix(sums[0], word);
    left -= bytes;
    body += bytes;
  }
  uint64_t sum = 0;
  for (const uint64_t each : sums) sum = mix(sum, each);
  return static_cast<uint32_t>(sum ^ sum >> 32);
}

}  // namespace pigeonhole::shm
