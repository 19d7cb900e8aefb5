#pragma once

#include <napi.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include "descriptor.h"
#include "poll.h"

namespace pigeonhole::unix_datagram {

/**
 * new DatagramReceiver(path, scratch, report, onDatagrams): binds a socket of mode 0600 there. `scratch` is cut into as many slots as
 * `report` has groups of four words. onDatagrams(count): as many slots are filled, and the report says of each its length (TRUNCATED:
 * longer than a slot) and the process, user and group that sent it, as the kernel knows them (SCM_CREDENTIALS in unix(7)).
 * onDatagrams(-errno) once when receiving failed. ref, unref, close; receive() → count, at once, without onDatagrams.
 *
 * new DatagramSender(path, sendBuffer, onRoom): connected to a receiver, with a send buffer of its own, so that what one receiver leaves
 * lying takes no room from the others. onRoom(1): a datagram may be taken again after `awaitRoom`. send, awaitRoom, close; maxBytes.
 */
void Init(Napi::Env env, Napi::Object exports);

class Receiver : public Napi::ObjectWrap<Receiver> {
 public:
  explicit Receiver(const Napi::CallbackInfo& info);
  ~Receiver() override;

 private:
  friend void Init(Napi::Env env, Napi::Object exports);
  /** Datagrams received into the slots; 0: there are none; -errno. */
  int ReceiveOnce();
  void Report(unsigned slot, mmsghdr& message);
  void OnReadable(int status);
  void RefLoop(const Napi::CallbackInfo& info);
  void UnrefLoop(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  std::shared_ptr<Poll> poll_;
  Napi::Reference<Napi::Uint8Array> scratch_;
  Napi::Reference<Napi::Uint32Array> report_;
  uint8_t* bytes_ = nullptr;
  uint32_t* words_ = nullptr;
  size_t slot_bytes_ = 0;
  /** Room for the credentials of one datagram, and for as many descriptors as can come along (SCM_MAX_FD), which are closed. */
  struct alignas(cmsghdr) Control {
    char bytes[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(253 * sizeof(int))];
  };
  std::vector<Control> controls_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> messages_;
  Napi::FunctionReference callback_;
};

class Sender : public Napi::ObjectWrap<Sender> {
 public:
  explicit Sender(const Napi::CallbackInfo& info);
  ~Sender() override;

 private:
  friend void Init(Napi::Env env, Napi::Object exports);
  void OnEvents();
  Napi::Value MaxBytes(const Napi::CallbackInfo& info);
  Napi::Value Send(const Napi::CallbackInfo& info);
  void AwaitRoom(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  int Get() const { return poll_ ? poll_->Get() : descriptor_.Get(); }

  Descriptor descriptor_;       // until it is polled
  std::shared_ptr<Poll> poll_;  // from then on
  int max_bytes_ = 0;
  Napi::FunctionReference callback_;
};

}  // namespace pigeonhole::unix_datagram
