#pragma once

#include <napi.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include "descriptor.h"
#include "poll.h"

namespace pigeonhole::udp_socket {

/**
 * new UdpSocket(host, port, receiveBuffer, scratch, report, onDatagrams, onRoom): bound there, and not connected; receiveBuffer 0: as it is. `scratch`
 * is cut into as many slots as `report` has pairs of words. onDatagrams(count): as many slots are filled, and the report says of each its length
 * (TRUNCATED: longer than a slot) and whether it came from elsewhere than the one before it (1), which `source(slot)` then tells;
 * onDatagrams(-errno): receiving failed, and goes on. onRoom(1): after `awaitRoom`, there may be room in the send buffer again.
 *
 * A place is the kernel's own socket address, as bytes: `placeOf(host, port)`, for hosts that are numbers.
 */
void Init(Napi::Env env, Napi::Object exports);

union Address {
  sockaddr any;
  sockaddr_in ip4;
  sockaddr_in6 ip6;
};

class Socket : public Napi::ObjectWrap<Socket> {
 public:
  explicit Socket(const Napi::CallbackInfo& info);
  ~Socket() override;

 private:
  friend void Init(Napi::Env env, Napi::Object exports);
  /** Datagrams received into the slots; 0: there are none; -errno. */
  int ReceiveOnce();
  bool IsFromElsewhere(const msghdr& message);
  void OnEvents(int status, int events);
  Napi::Value Local(const Napi::CallbackInfo& info);
  Napi::Value ReceiveBuffer(const Napi::CallbackInfo& info);
  Napi::Value Source(const Napi::CallbackInfo& info);
  Napi::Value Send(const Napi::CallbackInfo& info);
  void AwaitRoom(const Napi::CallbackInfo& info);
  void RefLoop(const Napi::CallbackInfo& info);
  void UnrefLoop(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  std::shared_ptr<Poll> poll_;
  Napi::Reference<Napi::Uint8Array> scratch_;
  Napi::Reference<Napi::Uint32Array> report_;
  uint8_t* bytes_ = nullptr;
  uint32_t* words_ = nullptr;
  size_t slot_bytes_ = 0;
  std::vector<iovec> parts_;
  std::vector<Address> sources_;
  std::vector<mmsghdr> messages_;
  /** Of the datagram that was reported last. */
  Address latest_{};
  socklen_t latest_length_ = 0;
  Napi::FunctionReference on_datagrams_;
  Napi::FunctionReference on_room_;
};

}  // namespace pigeonhole::udp_socket
