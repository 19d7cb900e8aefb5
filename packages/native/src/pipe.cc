#include "pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "kernel_error.h"

namespace pigeonhole::pipe {
namespace {

Napi::Value MakePipe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw KernelError(env, errno, "pipe2");
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(0u, Napi::Number::New(env, ends[0]));
  result.Set(1u, Napi::Number::New(env, ends[1]));
  return result;
}

}  // namespace

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("makePipe", Napi::Function::New<MakePipe>(env, "makePipe"));
}

}  // namespace pigeonhole::pipe
