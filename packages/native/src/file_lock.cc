#include "file_lock.h"

#include <fcntl.h>

#include <cerrno>

#include "kernel_error.h"

namespace pigeonhole {
namespace {

/** One F_OFD_ command; 0 or an errno. */
int Control(int fd, int command, struct flock* range) {
  int failed;
  do {
    failed = fcntl(fd, command, range);
  } while (failed != 0 && errno == EINTR);
  return failed == 0 ? 0 : errno;
}

/** The range of arguments 0 and 1. `l_pid` must be 0 for these locks. */
struct flock RangeOf(const Napi::CallbackInfo& info, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = info[0].As<Napi::Number>().Int64Value();
  range.l_len = info[1].As<Napi::Number>().Int64Value();
  return range;
}

}  // namespace

FileLock::FileLock(const Napi::CallbackInfo& info) : Napi::ObjectWrap<FileLock>(info) {
  const std::string path = info[0].As<Napi::String>();
  const int create = info[1].ToBoolean() ? O_CREAT : 0;
  int fd;
  do {
    fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | create, 0600);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw KernelError(info.Env(), errno, "open");
  descriptor_ = Descriptor(fd);
}

Napi::Value FileLock::TryLock(const Napi::CallbackInfo& info) {
  struct flock range = RangeOf(info, info[2].ToBoolean() ? F_RDLCK : F_WRLCK);
  const int failed = Control(descriptor_.Get(), F_OFD_SETLK, &range);
  if (failed != 0 && failed != EAGAIN && failed != EACCES) throw KernelError(info.Env(), failed, "fcntl");
  return Napi::Boolean::New(info.Env(), failed == 0);
}

Napi::Value FileLock::Probe(const Napi::CallbackInfo& info) {
  struct flock range = RangeOf(info, F_WRLCK);
  const int failed = Control(descriptor_.Get(), F_OFD_GETLK, &range);
  if (failed != 0) throw KernelError(info.Env(), failed, "fcntl");
  return Napi::Boolean::New(info.Env(), range.l_type != F_UNLCK);
}

void FileLock::Unlock(const Napi::CallbackInfo& info) {
  struct flock range = RangeOf(info, F_UNLCK);
  const int failed = Control(descriptor_.Get(), F_OFD_SETLK, &range);
  if (failed != 0) throw KernelError(info.Env(), failed, "fcntl");
}

void FileLock::Close(const Napi::CallbackInfo&) { descriptor_.Reset(); }

void FileLock::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("FileLock", DefineClass(env, "FileLock",
                                      {InstanceMethod<&FileLock::TryLock>("tryLock"),
                                       InstanceMethod<&FileLock::Probe>("probe"),
                                       InstanceMethod<&FileLock::Unlock>("unlock"),
                                       InstanceMethod<&FileLock::Close>("close")}));
}

}  // namespace pigeonhole
