#pragma once

#include <napi.h>

#include <memory>

#include "poll.h"

namespace pigeonhole::posix_mq {

/**
 * unlinkPosixQueue(name): whether there was one.
 *
 * new PosixQueue(name, maxMessages, messageBytes, onEvent): makes the queue, which must not be there yet, mode 0600; with maxMessages 0
 * opens one that must be. Not another user's: EPERM. onEvent(events), or onEvent(-errno) once, after `watch`.
 * attributes() → [most messages, bytes of one, messages now]. send, receive, priority, watch, ref, unref, close.
 *
 * The system calls are made without the C library, whose symbols for them differ between its versions.
 */
void Init(Napi::Env env, Napi::Object exports);

class Queue : public Napi::ObjectWrap<Queue> {
 public:
  explicit Queue(const Napi::CallbackInfo& info);
  ~Queue() override;

 private:
  friend void Init(Napi::Env env, Napi::Object exports);
  Napi::Value Attributes(const Napi::CallbackInfo& info);
  Napi::Value Send(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  Napi::Value Priority(const Napi::CallbackInfo& info);
  void Watch(const Napi::CallbackInfo& info);
  void RefLoop(const Napi::CallbackInfo& info);
  void UnrefLoop(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  void OnEvents(int status, int events);

  std::shared_ptr<Poll> poll_;
  std::unique_ptr<char[]> buffer_;  // of one message on its way out
  size_t message_bytes_ = 0;
  unsigned priority_ = 0;  // of the last message received
  Napi::FunctionReference callback_;
};

}  // namespace pigeonhole::posix_mq
