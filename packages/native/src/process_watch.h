#pragma once

#include <napi.h>

#include <memory>

#include "poll.h"

namespace pigeonhole {

/**
 * Tells of a process's end through a pidfd (pidfd_open(2)), which belongs to that one process however soon its number is used again.
 * Does not keep this process running.
 *
 * new ProcessWatch(pid, onEnd): onEnd(0) once. ESRCH when no such process lives, ENOSYS before Linux 5.3. close.
 */
class ProcessWatch : public Napi::ObjectWrap<ProcessWatch> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit ProcessWatch(const Napi::CallbackInfo& info);
  ~ProcessWatch() override;

 private:
  void Close(const Napi::CallbackInfo& info);
  void Release();

  std::shared_ptr<Poll> poll_;
  Napi::FunctionReference callback_;
};

}  // namespace pigeonhole
