#pragma once

#include <napi.h>

#include <functional>
#include <memory>

#include "descriptor.h"
#include "uv_poll.h"

namespace pigeonhole {

/**
 * A descriptor polled by the event loop of one environment, on that environment's thread only: no thread-safe function, whose
 * teardown races the environment's.
 *
 * Owns the descriptor. Lives until `Close` and one more turn of the loop, or until the environment ends, which closes it: after that
 * nothing is called, and every method does nothing. `status` is negative (as -errno) when the other end is gone or polling failed.
 */
class Poll : public std::enable_shared_from_this<Poll> {
 public:
  using Callback = std::function<void(int status, int events)>;

  /** Throws the kernel's error when the descriptor cannot be polled. */
  static std::shared_ptr<Poll> Open(Napi::Env env, Descriptor descriptor, Callback callback);
  ~Poll();

  int Get() const { return descriptor_.Get(); }
  bool IsOpen() const { return descriptor_.IsOpen(); }
  /** Events of uv_poll_event; 0 stops. */
  void Watch(int events);
  /** Whether it keeps the process running; it does until told otherwise. */
  void Ref();
  void Unref();
  /** Closes the descriptor at once. Idempotent. */
  void Close();

 private:
  Poll(Descriptor descriptor, Callback callback);
  static void OnEvents(uv_poll_t* handle, int status, int events);
  static void OnClosed(uv_handle_t* handle);
  static void OnTeardown(napi_async_cleanup_hook_handle hook, void* data);

  uv_handle_t* Handle() const { return reinterpret_cast<uv_handle_t*>(memory_.get()); }
  uv_poll_t* PollHandle() const { return reinterpret_cast<uv_poll_t*>(memory_.get()); }

  std::unique_ptr<char[]> memory_;  // the uv_poll_t
  Descriptor descriptor_;
  Callback callback_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  std::shared_ptr<Poll> self_;  // what libuv holds: until its close callback
};

/**
 * Calls into JavaScript from the loop, with its microtasks and process.nextTick afterwards. An exception there is an uncaught one, as
 * in any callback of Node.js. Does nothing when the environment can run no more JavaScript.
 */
void CallFromLoop(Napi::Env env, const Napi::Reference<Napi::Object>& self,
                  const Napi::FunctionReference& callback, int argument);

}  // namespace pigeonhole
