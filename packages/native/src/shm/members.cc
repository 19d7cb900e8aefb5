#include "members.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "fault.h"
#include "shared.h"

namespace pigeonhole::shm {

namespace {

[[noreturn]] void failAt(const char* what, const std::string& path, int error = errno) {
  const auto kind = error == ENOSPC ? Fault::Kind::noSpace
                    : error == EMFILE || error == ENFILE ? Fault::Kind::limit
                                                         : Fault::Kind::system;
  throw Fault{kind, error, std::string(what) + " " + path + ": " + std::strerror(error)};
}

void makeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) failAt("cannot make", path);
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return;  // Removed by the last to leave: openFile will find out.
    failAt("cannot look at", path);
  }
  if (!S_ISDIR(facts.st_mode) || facts.st_uid != ::geteuid() || (facts.st_mode & 077) != 0)
    throw Fault{Fault::Kind::system, EPERM, path + " is not a directory of this user's alone (mode 0700)"};
}

struct flock range(short type, uint64_t byte) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = 1;
  return lock;
}

void pause1ms() {
  const timespec time{0, 1'000'000};
  ::nanosleep(&time, nullptr);
}

}  // namespace

Members::Members(std::string path, int doorMs) : path_(std::move(path)) {
  try {
    while (true) {
      makeDirectory(path_);
      crashPoint();
      openFile();
      if (fd_ < 0) continue;
      if (!enter(doorMs)) throw Fault{Fault::Kind::busy, EBUSY, path_ + ": another process is opening or closing a mailbox"};
      // The last member may have removed the file between our opening it and its lock.
      struct stat ours {}, named {};
      if (::fstat(fd_, &ours) == 0 && ::stat((path_ + "/members").c_str(), &named) == 0 && ours.st_ino == named.st_ino) break;
      exit();
      ::close(fd_);
      fd_ = -1;
    }
    words_ = Mapping::open(path_ + "/members", Mapping::Open::existing, 0, 2 * kMembers * sizeof(Word));
    words_->ensure(2 * kMembers * sizeof(Word));
    takeNumber();
    exit();
  } catch (...) {
    if (fd_ >= 0) ::close(fd_);
    throw;
  }
}

Members::~Members() {
  for (const Bell& bell : bells_)
    if (bell.fd >= 0) ::close(bell.fd);
  if (fd_ >= 0) ::close(fd_);
}

void Members::openFile() {
  const std::string file = path_ + "/members";
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0 && errno != ENOENT && errno != EINTR) failAt("cannot open", file);
}

void Members::takeNumber() {
  for (uint32_t member = 0; member < kMembers; member++) {
    if (!lock(member)) continue;
    const uint64_t incarnation = (load(this->incarnation(member)) + 1) & 0x7fff'ffff'ffff;
    publish(this->incarnation(member), incarnation);
    self_ = uint64_t{member} << 48 | incarnation << 1 | 1;
    ::unlink(bellOf(member).c_str());
    return;
  }
  throw Fault{Fault::Kind::limit, EMFILE, path_ + " has " + std::to_string(kMembers) + " processes, the most there may be"};
}

Word& Members::incarnation(uint32_t member) const { return reinterpret_cast<Word*>(words_->data())[member]; }

Word& Members::token(uint64_t identity) const {
  const uint32_t member = static_cast<uint32_t>(identity >> 48);
  if (member >= kMembers) corrupt("the number of a member");
  return reinterpret_cast<Word*>(words_->data())[kMembers + member];
}

uint64_t Members::newToken() {
  const uint64_t number = (load(token(self_)) >> 1) + 1;
  publish(token(self_), number << 1);
  return number;
}

bool Members::takeToken(uint64_t identity, uint64_t number) { return swap(token(identity), number << 1, number << 1 | 1); }

void Members::releaseToken(uint64_t identity, uint64_t number) { swap(token(identity), number << 1 | 1, number << 1); }

void Members::prune() {
  for (Bell& bell : bells_) {
    if (bell.fd < 0 || alive(bell.identity)) continue;
    ::close(bell.fd);
    bell.fd = -1;
  }
}

bool Members::lock(uint64_t byte) const {
  struct flock lock = range(F_WRLCK, byte);
  int result;
  do result = ::fcntl(fd_, F_OFD_SETLK, &lock);
  while (result != 0 && errno == EINTR);
  return result == 0;
}

bool Members::isLocked(uint64_t byte) const {
  struct flock lock = range(F_WRLCK, byte);
  // In doubt it is held: nobody may be taken for dead without proof.
  return ::fcntl(fd_, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

void Members::unlock(uint64_t byte) const {
  struct flock lock = range(F_UNLCK, byte);
  ::fcntl(fd_, F_OFD_SETLK, &lock);
}

bool Members::alive(uint64_t identity) const {
  if (identity == self_) return true;
  const uint32_t member = static_cast<uint32_t>(identity >> 48);
  if (member >= kMembers) return false;
  if (load(incarnation(member)) != (identity >> 1 & 0x7fff'ffff'ffff)) return false;
  // Our own lock does not conflict with us, so it would look free.
  if (member == static_cast<uint32_t>(self_ >> 48)) return false;
  return isLocked(member);
}

std::string Members::bellOf(uint32_t member) const { return path_ + "/bell." + std::to_string(member); }

bool Members::ring(uint64_t identity, uint32_t tag) {
  const uint32_t member = static_cast<uint32_t>(identity >> 48);
  if (member >= kMembers) return false;
  if (bells_.size() <= member) bells_.resize(member + 1, Bell{0, -1});
  Bell& bell = bells_[member];
  for (int attempt = 0; attempt < 2; attempt++) {
    if (bell.fd < 0 || bell.identity != identity) {
      if (bell.fd >= 0) Reserve::close(bell.fd);
      bell = {identity, Reserve::open(bellOf(member), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)};
      if (bell.fd < 0) return false;  // ENXIO or ENOENT: nobody listens.
    }
    ssize_t written;
    do written = ::write(bell.fd, &tag, sizeof tag);
    while (written < 0 && errno == EINTR);
    // A full bell rings already; its owner then looks at every mailbox.
    const bool rung = written == sizeof tag || errno == EAGAIN;
    if (rung && !Reserve::lent(bell.fd)) return true;
    Reserve::close(bell.fd);
    bell.fd = -1;
    if (rung) return true;
  }
  return false;
}

bool Members::enter(int ms) {
  for (int waited = 0;; waited++) {
    if (lock(kDoor)) {
      inside_ = true;
      return true;
    }
    if (waited >= ms) return false;
    pause1ms();
  }
}

void Members::exit() {
  if (inside_) unlock(kDoor);
  inside_ = false;
}

void Members::leave() {
  if (fd_ < 0) return;
  reserve_.reset();  // To list the directory may take it.
  ::unlink(bell().c_str());
  if (enter(1000)) {
    bool last = true;
    for (uint32_t member = 0; member < kMembers && last; member++)
      last = member == static_cast<uint32_t>(self_ >> 48) || !isLocked(member);
    if (last) {
      DIR* directory = ::opendir(path_.c_str());
      bool mailboxes = directory == nullptr;
      std::vector<std::string> bells;
      while (directory != nullptr) {
        const dirent* entry = ::readdir(directory);
        if (entry == nullptr) break;
        const std::string name = entry->d_name;
        if (name.rfind("bell.", 0) == 0) bells.push_back(name);
        else if (name != "." && name != ".." && name != "members") mailboxes = true;
      }
      if (directory != nullptr) ::closedir(directory);
      for (const std::string& name : bells) ::unlink((path_ + "/" + name).c_str());
      if (!mailboxes) {
        crashPoint();
        ::unlink((path_ + "/members").c_str());
        crashPoint();
        ::rmdir(path_.c_str());
      }
    }
  }
  ::close(fd_);  // and with it the door and our lock
  fd_ = -1;
  inside_ = false;
}

}  // namespace pigeonhole::shm
