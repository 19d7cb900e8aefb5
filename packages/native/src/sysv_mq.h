#pragma once

#include <napi.h>

#include <deque>
#include <memory>
#include <vector>

#include "sysv_waiter.h"

namespace pigeonhole::sysv_mq {

/**
 * openSysvQueue(key, create) → its id: makes it (mode 0600, it must not be there) or finds it.
 *
 * new SysvQueue(id, onReady): onReady(1) when there may be a message after `awaitMessage`, onReady(2) when there may be room after
 * `awaitRoom`, onReady(-errno) when the queue is gone. Each wait is over with its answer. Not another user's: EPERM.
 * status, setBytes, send, receive, type, awaitMessage, awaitRoom, ref, unref, close, remove.
 */
void Init(Napi::Env env, Napi::Object exports);

class Queue : public Napi::ObjectWrap<Queue> {
 public:
  explicit Queue(const Napi::CallbackInfo& info);
  ~Queue() override;

 private:
  friend void Init(Napi::Env env, Napi::Object exports);
  Napi::Value Status(const Napi::CallbackInfo& info);
  void SetBytes(const Napi::CallbackInfo& info);
  Napi::Value Send(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  Napi::Value Type(const Napi::CallbackInfo& info);
  void AwaitMessage(const Napi::CallbackInfo& info);
  void AwaitRoom(const Napi::CallbackInfo& info);
  void RefLoop(const Napi::CallbackInfo& info);
  void UnrefLoop(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  void Remove(const Napi::CallbackInfo& info);
  void Ready(int kind, int status, long type);
  bool TakeEmpty(long type);
  void Hold(bool hold);
  void Shut();

  int id_ = -1;
  bool open_ = true;
  bool held_ = false;
  long type_ = 0;               // of the last message received
  std::vector<char> buffer_;    // of one message on its way out
  std::deque<long> empty_;      // types of the empty messages that waiting has taken
  std::shared_ptr<Waiter> waiter_;
  Waiter::Wait message_;
  Waiter::Wait room_;
  Napi::FunctionReference callback_;
};

}  // namespace pigeonhole::sysv_mq
