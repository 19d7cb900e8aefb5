#include "udp_socket.h"

#include <arpa/inet.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "kernel_error.h"

namespace pigeonhole::udp_socket {
namespace {

constexpr size_t kWords = 2;  // of the report on one datagram
constexpr uint32_t kTruncated = 0xffffffff;
constexpr size_t kMostParts = 32;  // of a datagram that is gathered by the kernel

/** Numbers only: nothing is looked up. An IPv6 host has no scope, so it is none of a single link. */
Address Parse(Napi::Env env, Napi::Value host, Napi::Value port) {
  const std::string name = host.As<Napi::String>();
  const in_port_t number = htons(static_cast<uint16_t>(port.As<Napi::Number>().Uint32Value()));
  Address address{};
  if (inet_pton(AF_INET, name.c_str(), &address.ip4.sin_addr) == 1) {
    address.ip4.sin_family = AF_INET;
    address.ip4.sin_port = number;
  } else if (inet_pton(AF_INET6, name.c_str(), &address.ip6.sin6_addr) == 1) {
    address.ip6.sin6_family = AF_INET6;
    address.ip6.sin6_port = number;
  } else {
    throw KernelError(env, EINVAL, "inet_pton");
  }
  return address;
}

socklen_t LengthOf(const Address& address) {
  return address.any.sa_family == AF_INET6 ? sizeof address.ip6 : sizeof address.ip4;
}

/** [host, port] */
Napi::Array Describe(Napi::Env env, const Address& address) {
  const bool is_ip6 = address.any.sa_family == AF_INET6;
  const void* number = &address.ip4.sin_addr;
  if (is_ip6) number = &address.ip6.sin6_addr;
  char host[INET6_ADDRSTRLEN];
  if (inet_ntop(address.any.sa_family, number, host, sizeof host) == nullptr)
    throw KernelError(env, errno, "inet_ntop");
  Napi::Array described = Napi::Array::New(env, 2);
  described.Set(0u, Napi::String::New(env, host));
  described.Set(1u, Napi::Number::New(env, ntohs(is_ip6 ? address.ip6.sin6_port : address.ip4.sin_port)));
  return described;
}

Napi::Uint8Array PlaceAt(Napi::Env env, const Address& address) {
  auto place = Napi::Uint8Array::New(env, LengthOf(address));
  std::memcpy(place.Data(), &address, place.ByteLength());
  return place;
}

Napi::Value PlaceOf(const Napi::CallbackInfo& info) {
  return PlaceAt(info.Env(), Parse(info.Env(), info[0], info[1]));
}

struct View {
  void* data = nullptr;
  size_t length = 0;
};

/** The bare function: node-addon-api's type asks twice. */
View ViewOf(Napi::Env env, napi_value value) {
  View view;
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, value, &type, &view.length, &view.data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array)
    throw Napi::TypeError::New(env, "not a Uint8Array");
  return view;
}

}  // namespace

Socket::Socket(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Socket>(info) {
  const Napi::Env env = info.Env();
  const Address address = Parse(env, info[0], info[1]);
  const int receive_buffer = info[2].As<Napi::Number>().Int32Value();
  auto scratch = info[3].As<Napi::Uint8Array>();
  auto report = info[4].As<Napi::Uint32Array>();
  const size_t slots = report.ElementLength() / kWords;
  if (slots == 0 || scratch.ByteLength() < slots) throw Napi::RangeError::New(env, "no slots");
  bytes_ = scratch.Data();
  words_ = report.Data();
  slot_bytes_ = scratch.ByteLength() / slots;
  scratch_ = Napi::Persistent(scratch);
  report_ = Napi::Persistent(report);
  on_datagrams_ = Napi::Persistent(info[5].As<Napi::Function>());
  on_room_ = Napi::Persistent(info[6].As<Napi::Function>());
  parts_.resize(slots);
  sources_.resize(slots);
  messages_.resize(slots);

  Descriptor descriptor(socket(address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor.IsOpen()) throw KernelError(env, errno, "socket");
  // As much as net.core.rmem_max lets it have.
  if (receive_buffer > 0)
    setsockopt(descriptor.Get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  if (bind(descriptor.Get(), &address.any, LengthOf(address)) != 0) throw KernelError(env, errno, "bind");
  poll_ = Poll::Open(env, std::move(descriptor), [this](int status, int events) { OnEvents(status, events); });
  poll_->Watch(UV_READABLE);
  Ref();  // an open socket is in use; close lets it go
}

Socket::~Socket() {
  if (poll_) poll_->Close();
}

int Socket::ReceiveOnce() {
  for (size_t slot = 0; slot < messages_.size(); slot++) {
    parts_[slot] = {bytes_ + slot * slot_bytes_, slot_bytes_};
    msghdr& header = messages_[slot].msg_hdr;
    header = {};
    header.msg_name = &sources_[slot];
    header.msg_namelen = sizeof sources_[slot];
    header.msg_iov = &parts_[slot];
    header.msg_iovlen = 1;
  }
  int count;
  do {
    count = recvmmsg(poll_->Get(), messages_.data(), messages_.size(), MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return errno == EAGAIN ? 0 : -errno;
  for (int slot = 0; slot < count; slot++) {
    const mmsghdr& message = messages_[slot];
    words_[slot * kWords] = (message.msg_hdr.msg_flags & MSG_TRUNC) != 0 ? kTruncated : message.msg_len;
    words_[slot * kWords + 1] = IsFromElsewhere(message.msg_hdr) ? 1 : 0;
  }
  return count;
}

bool Socket::IsFromElsewhere(const msghdr& message) {
  const socklen_t length = message.msg_namelen;
  if (length == latest_length_ && std::memcmp(message.msg_name, &latest_, length) == 0) return false;
  std::memcpy(&latest_, message.msg_name, length);
  latest_length_ = length;
  return true;
}

void Socket::OnEvents(int status, int events) {
  // An error ends the watching; it is taken from the socket by receiving, and said once.
  if (status < 0) poll_->Watch(UV_READABLE | UV_WRITABLE);
  if (status >= 0 && (events & UV_WRITABLE) != 0) {
    poll_->Watch(UV_READABLE);
    CallFromLoop(Env(), *this, on_room_, 1);
    if (!poll_->IsOpen() || events == UV_WRITABLE) return;
  }
  const int count = ReceiveOnce();
  if (count != 0) CallFromLoop(Env(), *this, on_datagrams_, count);
}

Napi::Value Socket::Local(const Napi::CallbackInfo& info) {
  Address address{};
  socklen_t length = sizeof address;
  if (getsockname(poll_->Get(), &address.any, &length) != 0) throw KernelError(info.Env(), errno, "getsockname");
  return Describe(info.Env(), address);
}

Napi::Value Socket::ReceiveBuffer(const Napi::CallbackInfo& info) {
  int bytes = 0;
  socklen_t length = sizeof bytes;
  if (getsockopt(poll_->Get(), SOL_SOCKET, SO_RCVBUF, &bytes, &length) != 0)
    throw KernelError(info.Env(), errno, "getsockopt");
  return Napi::Number::New(info.Env(), bytes);
}

/** source(slot) → [host, port, place] of the datagram in that slot. */
Napi::Value Socket::Source(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint32_t slot = info[0].As<Napi::Number>().Uint32Value();
  if (slot >= messages_.size()) throw Napi::RangeError::New(env, "no such slot");
  Napi::Array described = Describe(env, sources_[slot]);
  described.Set(2u, PlaceAt(env, sources_[slot]));
  return described;
}

/** send(place, pieces) → 1; 0 for want of room; -errno. */
Napi::Value Socket::Send(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!poll_->IsOpen()) return Napi::Number::New(env, -EBADF);
  const View place = ViewOf(env, info[0]);
  const napi_value pieces = info[1];
  uint32_t count = 0;
  if (napi_get_array_length(env, pieces, &count) != napi_ok) throw Napi::TypeError::New(env, "no pieces");
  iovec parts[kMostParts];
  std::string joined;
  for (uint32_t index = 0; index < count; index++) {
    napi_value piece = nullptr;
    if (napi_get_element(env, pieces, index, &piece) != napi_ok) throw Napi::Error::New(env);
    const View view = ViewOf(env, piece);
    if (count > kMostParts)
      joined.append(static_cast<const char*>(view.data), view.length);
    else
      parts[index] = {view.data, view.length};
  }
  if (count > kMostParts) parts[0] = {joined.data(), joined.size()};
  msghdr message{};
  message.msg_name = place.data;
  message.msg_namelen = static_cast<socklen_t>(place.length);
  message.msg_iov = parts;
  message.msg_iovlen = count > kMostParts ? 1 : count;
  ssize_t sent;
  do {
    sent = sendmsg(poll_->Get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return Napi::Number::New(env, sent >= 0 ? 1 : errno == EAGAIN ? 0 : -errno);
}

void Socket::AwaitRoom(const Napi::CallbackInfo&) { poll_->Watch(UV_READABLE | UV_WRITABLE); }

void Socket::RefLoop(const Napi::CallbackInfo&) { poll_->Ref(); }
void Socket::UnrefLoop(const Napi::CallbackInfo&) { poll_->Unref(); }

void Socket::Close(const Napi::CallbackInfo&) {
  if (!poll_->IsOpen()) return;
  poll_->Close();
  // They refer back to this object, which would otherwise be kept for ever.
  on_datagrams_.Reset();
  on_room_.Reset();
  scratch_.Reset();
  report_.Reset();
  Unref();
}

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("udpPlaceOf", Napi::Function::New<PlaceOf>(env, "udpPlaceOf"));
  exports.Set("UdpSocket",
              Socket::DefineClass(env, "UdpSocket",
                                  {Socket::InstanceMethod<&Socket::Local>("local"),
                                   Socket::InstanceMethod<&Socket::ReceiveBuffer>("receiveBuffer"),
                                   Socket::InstanceMethod<&Socket::Source>("source"),
                                   Socket::InstanceMethod<&Socket::Send>("send"),
                                   Socket::InstanceMethod<&Socket::AwaitRoom>("awaitRoom"),
                                   Socket::InstanceMethod<&Socket::RefLoop>("ref"),
                                   Socket::InstanceMethod<&Socket::UnrefLoop>("unref"),
                                   Socket::InstanceMethod<&Socket::Close>("close")}));
}

}  // namespace pigeonhole::udp_socket
