#include "process_watch.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "kernel_error.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

namespace pigeonhole {

ProcessWatch::ProcessWatch(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ProcessWatch>(info) {
  const Napi::Env env = info.Env();
  const pid_t pid = info[0].As<Napi::Number>().Int32Value();
  callback_ = Napi::Persistent(info[1].As<Napi::Function>());
  // It is closed on exec without being asked to.
  Descriptor descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!descriptor.IsOpen()) throw KernelError(env, errno, "pidfd_open");
  poll_ = Poll::Open(env, std::move(descriptor), [this](int, int) {
    const Napi::Env own = Env();
    const Napi::HandleScope scope(own);
    const Napi::Object alive = Value();  // Release lets it go
    Release();
    CallFromLoop(own, *this, callback_, 0);
    (void)alive;
  });
  poll_->Watch(UV_READABLE);
  poll_->Unref();
  Ref();
}

ProcessWatch::~ProcessWatch() {
  if (poll_) poll_->Close();
}

void ProcessWatch::Release() {
  if (!poll_->IsOpen()) return;
  poll_->Close();
  Unref();
}

void ProcessWatch::Close(const Napi::CallbackInfo&) {
  Release();
  callback_.Reset();
}

void ProcessWatch::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("ProcessWatch", DefineClass(env, "ProcessWatch", {InstanceMethod<&ProcessWatch::Close>("close")}));
}

}  // namespace pigeonhole
