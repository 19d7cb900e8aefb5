#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "layout.h"
#include "mapping.h"

namespace pigeonhole::shm {

/**
 * The records of one participant. Only the participant allocates and writes; everybody may read what an entry points at.
 * What is free is known to the owner alone, in its own memory: nothing of it can be corrupted by a crash.
 *
 * The file is cut in segments (1 MiB, 1 MiB, 2, 4, ... 2 GiB) that are mapped when first needed; a record lies in one.
 */
class Lane {
 public:
  struct Block {
    uint32_t unit = 0;
    uint32_t units = 0;
  };

  explicit Lane(std::string path) : path_(std::move(path)) {}

  /** The bytes at `unit`, or null if `bytes` of them are not all there: a corrupt reference, or a lane that is gone. */
  std::byte* at(uint32_t unit, uint64_t bytes);

  /** For the owner. Unit 0 is never given out. Throws `noSpace`. */
  Block allocate(uint64_t bytes);
  void release(Block block);
  /** Forgets every block, all of them being free, and gives large memory back. */
  void reset();
  /** Bytes of the file that have been allocated. */
  uint64_t bytes() const { return allocated_; }
  void create();
  /** What `unit` lies in; it was found there by `at`, or allocated. */
  std::shared_ptr<Mapping> mapping(uint32_t unit) const { return segments_[segmentOf(uint64_t{unit} * kUnit)]; }

 private:
  static constexpr uint32_t kSegments = 13;
  static constexpr uint64_t kSmallest = uint64_t{1} << 20;
  static uint32_t segmentOf(uint64_t offset);
  static uint64_t startOf(uint32_t segment);
  static uint64_t bytesOf(uint32_t segment);
  /** Rounded up so that a block can be used again for what is up to a fifth smaller. */
  static uint32_t unitsFor(uint64_t bytes);
  Mapping& segment(uint32_t number, Mapping::Open how);

  std::string path_;
  std::array<std::shared_ptr<Mapping>, kSegments> segments_;
  /** Free blocks by their size, the latest freed first: its cache lines are warm. */
  std::map<uint32_t, std::vector<uint32_t>> free_;
  /** The unit that was never given out yet, of each segment. */
  std::array<uint64_t, kSegments> top_{};
  std::array<uint64_t, kSegments> ensured_{};
  uint64_t allocated_ = 0;
};

}  // namespace pigeonhole::shm
