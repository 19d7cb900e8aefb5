#include "reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace pigeonhole::shm {

namespace {

// Of the process: its threads share its descriptors.
std::mutex reserveMutex;
std::condition_variable reserveBack;
uint32_t reserveUsers = 0;
int reserveSpare = -1;
/** What was opened with it, and has not been closed yet. */
int reserveLent = -1;

int openOnce(const char* path, int flags, mode_t mode) {
  int fd;
  do fd = ::open(path, flags, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

void fillReserve() {
  if (reserveSpare < 0 && reserveUsers > 0) reserveSpare = openOnce("/", O_PATH | O_CLOEXEC, 0);
}

}  // namespace

Reserve::Reserve() {
  const std::lock_guard lock(reserveMutex);
  reserveUsers++;
  fillReserve();
}

Reserve::~Reserve() {
  const std::lock_guard lock(reserveMutex);
  if (--reserveUsers > 0 || reserveSpare < 0) return;
  ::close(reserveSpare);
  reserveSpare = -1;
}

int Reserve::open(const std::string& path, int flags, mode_t mode) {
  const int fd = openOnce(path.c_str(), flags, mode);
  if (fd >= 0 || (errno != EMFILE && errno != ENFILE)) return fd;
  int error = errno;
  std::unique_lock lock(reserveMutex);
  reserveBack.wait(lock, [] { return reserveLent < 0; });
  if (reserveSpare >= 0) {
    ::close(reserveSpare);
    reserveSpare = -1;
    reserveLent = openOnce(path.c_str(), flags, mode);
    error = errno;
    if (reserveLent < 0) fillReserve();
  }
  errno = error;
  return reserveLent;
}

bool Reserve::lent(int fd) {
  const std::lock_guard lock(reserveMutex);
  return fd == reserveLent;
}

void Reserve::close(int fd) {
  const std::lock_guard lock(reserveMutex);
  ::close(fd);
  fillReserve();
  if (fd != reserveLent) return;
  reserveLent = -1;
  reserveBack.notify_one();
}

}  // namespace pigeonhole::shm
