#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace pigeonhole::shm {

/**
 * A file of which `reserve` bytes are mapped at once, shared, though the file may be shorter: only what `ensure` has
 * allocated, or `holds` has found allocated, may be touched. Allocation is by posix_fallocate(3), so that a full file
 * system is an error here and not a SIGBUS later. No descriptor stays open.
 */
class Mapping {
 public:
  enum class Open { existing, create };

  /** Maps `reserve` bytes from `offset` of the file. Throws `Fault`. */
  static std::shared_ptr<Mapping> open(const std::string& path, Open how, uint64_t offset, uint64_t reserve);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::byte* data() const { return data_; }
  /** Allocates the file up to `end` (an offset within this mapping). Throws `noSpace`, having changed nothing visible. */
  void ensure(uint64_t end);
  /** Whether the file reaches `end`. */
  bool holds(uint64_t end);
  /** Whether the file still has its name: it was not removed, nor another put in its place. */
  bool named() const;
  /** Gives the pages of [from, to) back. Nobody may read them meanwhile. */
  void punch(uint64_t from, uint64_t to);

 private:
  Mapping(std::string path, uint64_t offset, uint64_t reserve) : path_(std::move(path)), offset_(offset), reserve_(reserve) {}
  int descriptor(int flags) const;
  /** The file's bytes, or 0 if another has its name by now. */
  uint64_t fileBytes() const;

  std::string path_;
  uint64_t offset_;
  uint64_t reserve_;
  uint64_t inode_ = 0;
  std::byte* data_ = nullptr;
  /** Bytes of the mapping known to be allocated. */
  uint64_t known_ = 0;
};

}  // namespace pigeonhole::shm
