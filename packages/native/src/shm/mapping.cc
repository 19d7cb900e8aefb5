#include "mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fault.h"
#include "reserve.h"
#include "shared.h"

#ifdef PIGEONHOLE_ONE_MAPPING
#include <map>
#include <mutex>
#endif

namespace pigeonhole::shm {

namespace {

[[noreturn]] void fail(const char* what, const std::string& path) {
  const int error = errno;
  const auto kind = error == ENOSPC || error == ENOMEM ? Fault::Kind::noSpace
                    : error == EMFILE || error == ENFILE ? Fault::Kind::limit
                                                         : Fault::Kind::system;
  throw Fault{kind, error, std::string(what) + " " + path + ": " + std::strerror(error)};
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) Reserve::close(fd);
  }
};

uint64_t inodeOf(int fd) {
  struct stat facts {};
  return ::fstat(fd, &facts) == 0 ? facts.st_ino : 0;
}

#ifdef PIGEONHOLE_ONE_MAPPING
// ThreadSanitizer knows addresses, not files: the threads of its test must share one mapping of each.
std::mutex mutex;
std::map<std::pair<std::string, uint64_t>, std::weak_ptr<Mapping>> mappings;
#define ONE_AT_A_TIME const std::lock_guard guard(mutex);
#else
#define ONE_AT_A_TIME
#endif

}  // namespace

std::shared_ptr<Mapping> Mapping::open(const std::string& path, Open how, uint64_t offset, uint64_t reserve) {
#ifdef PIGEONHOLE_ONE_MAPPING
  const std::lock_guard lock(mutex);
  auto& kept = mappings[{path, offset}];
  if (auto present = kept.lock()) return present;
#endif
  std::shared_ptr<Mapping> mapping(new Mapping(path, offset, reserve));
  const Descriptor file{mapping->descriptor(how == Open::create ? O_CREAT : 0)};
  if (file.fd < 0) fail("cannot open", path);
  mapping->inode_ = inodeOf(file.fd);
  void* data = ::mmap(nullptr, reserve, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file.fd, static_cast<off_t>(offset));
  if (data == MAP_FAILED) fail("cannot map", path);
  // Neither a forked child, which would be a participant that nobody knows of, nor a core dump is to have it.
  ::madvise(data, reserve, MADV_DONTFORK);
  ::madvise(data, reserve, MADV_DONTDUMP);
  mapping->data_ = static_cast<std::byte*>(data);
#ifdef PIGEONHOLE_ONE_MAPPING
  kept = mapping;
#endif
  return mapping;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, reserve_);
}

int Mapping::descriptor(int flags) const {
  return Reserve::open(path_, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

uint64_t Mapping::fileBytes() const {
  struct stat facts {};
  if (::stat(path_.c_str(), &facts) != 0) return 0;
  return facts.st_ino == inode_ ? static_cast<uint64_t>(facts.st_size) : 0;
}

void Mapping::ensure(uint64_t end) {
  ONE_AT_A_TIME
  if (end <= known_) return;
  if (end > reserve_) throw Fault{Fault::Kind::noSpace, 0, "the limit of " + std::to_string(reserve_) + " bytes of " + path_};
  const Descriptor file{descriptor(0)};
  if (file.fd < 0) fail("cannot open", path_);
  // To allocate in a file of the same name would leave this mapping short: the next touch would be a SIGBUS.
  if (inodeOf(file.fd) != inode_) throw Fault{Fault::Kind::system, ENOENT, path_ + " was removed while in use"};
  crashPoint();
  int error;
  do error = ::posix_fallocate(file.fd, static_cast<off_t>(offset_ + known_), static_cast<off_t>(end - known_));
  while (error == EINTR);
  if (error != 0) {
    errno = error;
    fail("cannot allocate", path_);
  }
  known_ = end;
}

bool Mapping::holds(uint64_t end) {
  ONE_AT_A_TIME
  if (end <= known_) return true;
  if (end > reserve_) return false;
  const uint64_t bytes = fileBytes();
  if (bytes > offset_) known_ = std::max(known_, std::min(reserve_, bytes - offset_));
  return end <= known_;
}

bool Mapping::named() const {
  struct stat facts {};
  return ::stat(path_.c_str(), &facts) == 0 && facts.st_ino == inode_;
}

void Mapping::punch(uint64_t from, uint64_t to) {
  if (from >= to) return;
  const Descriptor file{descriptor(0)};
  if (file.fd < 0 || inodeOf(file.fd) != inode_) return;
  ::fallocate(file.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset_ + from), static_cast<off_t>(to - from));
  known_ = std::min(known_, from);
}

}  // namespace pigeonhole::shm
