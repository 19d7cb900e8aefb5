#include "region.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "kernel_error.h"

namespace pigeonhole::region {
namespace {

/** Gives every page of the range memory or disk now: a store into a hole of a full file system is SIGBUS, and no error. */
int Allocate(int fd, off_t offset, off_t length) {
  int failed;
  do {
    failed = posix_fallocate(fd, offset, length);
  } while (failed == EINTR);
  return failed;
}

Napi::Value MapRegion(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const int64_t offset = info[1].As<Napi::Number>().Int64Value();
  const int64_t length = info[2].As<Napi::Number>().Int64Value();
  if (offset < 0 || length <= 0) throw KernelError(env, EINVAL, "mmap");
  if (const int failed = Allocate(fd, offset, length)) throw KernelError(env, failed, "posix_fallocate");
  void* const memory = mmap(nullptr, static_cast<size_t>(length), PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
  if (memory == MAP_FAILED) throw KernelError(env, errno, "mmap");
  // Neither a core dump nor a forked child needs it: a child that wrote there would be a participant nobody knows of.
  madvise(memory, static_cast<size_t>(length), MADV_DONTFORK);
  const auto unmap = [](napi_env, void* data, void* hint) { munmap(data, reinterpret_cast<size_t>(hint)); };
  napi_value buffer = nullptr;
  // The garbage collector calls `unmap` when the last view is gone, or the environment's end does.
  const napi_status status = napi_create_external_arraybuffer(
      env, memory, static_cast<size_t>(length), unmap, reinterpret_cast<void*>(static_cast<size_t>(length)), &buffer);
  if (status == napi_ok) return Napi::Value(env, buffer);
  munmap(memory, static_cast<size_t>(length));
  // An Electron with its memory cage, for one.
  if (status == napi_no_external_buffers_allowed) throw KernelError(env, EOPNOTSUPP, "napi_create_external_arraybuffer");
  throw Napi::Error::New(env);
}

}  // namespace

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("mapRegion", Napi::Function::New<MapRegion>(env, "mapRegion"));
}

}  // namespace pigeonhole::region
