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
  // As much as the system lets this user have; less is no failure.
  const int wanted = info[0].As<Napi::Number>().Int32Value();
  if (wanted > 0) fcntl(ends[1], F_SETPIPE_SZ, wanted);
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
