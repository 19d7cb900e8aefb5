#include "poll.h"

#include <cerrno>

#include "kernel_error.h"

namespace pigeonhole {

Poll::Poll(Descriptor descriptor, Callback callback)
    : memory_(new char[uv_handle_size(UV_POLL)]), descriptor_(std::move(descriptor)), callback_(std::move(callback)) {}

Poll::~Poll() = default;

std::shared_ptr<Poll> Poll::Open(Napi::Env env, Descriptor descriptor, Callback callback) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw Napi::Error::New(env);
  std::shared_ptr<Poll> poll(new Poll(std::move(descriptor), std::move(callback)));
  const int failed = uv_poll_init(loop, poll->PollHandle(), poll->Get());
  if (failed != 0) throw KernelError(env, -failed, "epoll_ctl");
  uv_handle_set_data(poll->Handle(), poll.get());
  poll->self_ = poll;
  if (napi_add_async_cleanup_hook(env, OnTeardown, poll.get(), &poll->hook_) != napi_ok) {
    poll->Close();
    throw Napi::Error::New(env, "the environment is ending");
  }
  return poll;
}

void Poll::Watch(int events) {
  if (!IsOpen()) return;
  if (events == 0)
    uv_poll_stop(PollHandle());
  else
    uv_poll_start(PollHandle(), events, OnEvents);
}

void Poll::Ref() {
  if (IsOpen()) uv_ref(Handle());
}

void Poll::Unref() {
  if (IsOpen()) uv_unref(Handle());
}

void Poll::Close() {
  if (!IsOpen()) return;
  // The descriptor may be closed once polling has stopped (uv_poll_start in libuv's documentation), not before.
  uv_poll_stop(PollHandle());
  uv_close(Handle(), OnClosed);
  descriptor_.Reset();
}

void Poll::OnEvents(uv_poll_t* handle, int status, int events) {
  auto* poll = static_cast<Poll*>(uv_handle_get_data(reinterpret_cast<uv_handle_t*>(handle)));
  const std::shared_ptr<Poll> alive = poll->shared_from_this();  // the callback may close it
  poll->callback_(status, events);
}

void Poll::OnClosed(uv_handle_t* handle) {
  auto* poll = static_cast<Poll*>(uv_handle_get_data(handle));
  // Whether or not the hook has run: this is what tells Node.js that the teardown is complete.
  if (poll->hook_ != nullptr) napi_remove_async_cleanup_hook(poll->hook_);
  poll->self_.reset();
}

void Poll::OnTeardown(napi_async_cleanup_hook_handle, void* data) {
  static_cast<Poll*>(data)->Close();
}

void CallFromLoop(Napi::Env env, const Napi::Reference<Napi::Object>& self,
                  const Napi::FunctionReference& callback, int argument) {
  const Napi::HandleScope scope(env);
  // The bare functions: node-addon-api's forms throw, and where JavaScript may no longer run they end the process.
  napi_value receiver = nullptr;
  napi_value function = nullptr;
  napi_value number = nullptr;
  if (napi_get_reference_value(env, self, &receiver) != napi_ok || receiver == nullptr) return;
  if (napi_get_reference_value(env, callback, &function) != napi_ok || function == nullptr) return;
  if (napi_create_int32(env, argument, &number) != napi_ok) return;
  const napi_status status = napi_make_callback(env, nullptr, receiver, function, 1, &number, nullptr);
  if (status != napi_pending_exception) return;
  napi_value exception = nullptr;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
}

}  // namespace pigeonhole
