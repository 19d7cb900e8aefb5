#include "unix_datagram.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "kernel_error.h"

namespace pigeonhole::unix_datagram {
namespace {

constexpr size_t kWords = 4;  // of the report on one datagram
constexpr uint32_t kTruncated = 0xffffffff;

/** -1 and ENAMETOOLONG where the kernel would not take it whole. */
socklen_t AddressOf(const std::string& path, sockaddr_un* address) {
  address->sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address->sun_path) {
    errno = path.empty() ? EINVAL : ENAMETOOLONG;
    return 0;
  }
  std::memcpy(address->sun_path, path.c_str(), path.size() + 1);
  return sizeof *address;
}

Descriptor MakeSocket(Napi::Env env) {
  Descriptor descriptor(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor.IsOpen()) throw KernelError(env, errno, "socket");
  return descriptor;
}

/** Nobody may fill this process's table of descriptors. */
void CloseDescriptors(const cmsghdr* part) {
  for (size_t at = CMSG_LEN(0); at + sizeof(int) <= part->cmsg_len; at += sizeof(int)) {
    int fd;
    std::memcpy(&fd, reinterpret_cast<const char*>(part) + at, sizeof fd);
    close(fd);
  }
}

}  // namespace

Receiver::Receiver(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Receiver>(info) {
  const Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>();
  auto scratch = info[1].As<Napi::Uint8Array>();
  auto report = info[2].As<Napi::Uint32Array>();
  const size_t slots = report.ElementLength() / kWords;
  if (slots == 0 || scratch.ByteLength() < slots) throw Napi::RangeError::New(env, "no slots");
  bytes_ = scratch.Data();
  words_ = report.Data();
  slot_bytes_ = scratch.ByteLength() / slots;
  scratch_ = Napi::Persistent(scratch);
  report_ = Napi::Persistent(report);
  callback_ = Napi::Persistent(info[3].As<Napi::Function>());
  controls_.resize(slots);
  parts_.resize(slots);
  messages_.resize(slots);

  sockaddr_un address{};
  const socklen_t length = AddressOf(path, &address);
  if (length == 0) throw KernelError(env, errno, "bind");
  Descriptor descriptor = MakeSocket(env);
  const int on = 1;
  if (setsockopt(descriptor.Get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    throw KernelError(env, errno, "setsockopt");
  // The file gets the mode that the socket has when it is bound: it is never open to others, not for a moment.
  if (fchmod(descriptor.Get(), 0600) != 0) throw KernelError(env, errno, "fchmod");
  if (bind(descriptor.Get(), reinterpret_cast<sockaddr*>(&address), length) != 0)
    throw KernelError(env, errno == EADDRINUSE ? EEXIST : errno, "bind");
  poll_ = Poll::Open(env, std::move(descriptor), [this](int status, int) { OnReadable(status); });
  poll_->Watch(UV_READABLE);
  Ref();  // an open receiver is in use; close lets it go
}

Receiver::~Receiver() {
  if (poll_) poll_->Close();
}

int Receiver::ReceiveOnce() {
  for (size_t slot = 0; slot < messages_.size(); slot++) {
    parts_[slot] = {bytes_ + slot * slot_bytes_, slot_bytes_};
    msghdr& header = messages_[slot].msg_hdr;
    header = {};
    header.msg_iov = &parts_[slot];
    header.msg_iovlen = 1;
    header.msg_control = controls_[slot].bytes;
    header.msg_controllen = sizeof controls_[slot].bytes;
  }
  int count;
  do {
    count = recvmmsg(poll_->Get(), messages_.data(), messages_.size(), MSG_DONTWAIT | MSG_CMSG_CLOEXEC, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return errno == EAGAIN ? 0 : -errno;
  for (int slot = 0; slot < count; slot++) Report(slot, messages_[slot]);
  return count;
}

void Receiver::Report(unsigned slot, mmsghdr& message) {
  uint32_t* words = words_ + slot * kWords;
  words[0] = (message.msg_hdr.msg_flags & MSG_TRUNC) != 0 ? kTruncated : message.msg_len;
  // As nobody: what the kernel puts for one of another user namespace, too.
  words[1] = 0;
  words[2] = words[3] = 65534;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message.msg_hdr); part != nullptr; part = CMSG_NXTHDR(&message.msg_hdr, part)) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) CloseDescriptors(part);
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS ||
        part->cmsg_len < CMSG_LEN(sizeof(ucred)))
      continue;
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
    words[1] = static_cast<uint32_t>(sender.pid);
    words[2] = sender.uid;
    words[3] = sender.gid;
  }
}

void Receiver::OnReadable(int status) {
  const int count = status < 0 ? status : ReceiveOnce();
  if (count == 0) return;
  if (count < 0) poll_->Watch(0);
  CallFromLoop(Env(), *this, callback_, count);
}

Napi::Value Receiver::Receive(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), poll_->IsOpen() ? ReceiveOnce() : 0);
}

void Receiver::RefLoop(const Napi::CallbackInfo&) { poll_->Ref(); }
void Receiver::UnrefLoop(const Napi::CallbackInfo&) { poll_->Unref(); }

void Receiver::Close(const Napi::CallbackInfo&) {
  if (!poll_->IsOpen()) return;
  poll_->Close();
  // They refer back to this object, which would otherwise be kept for ever.
  callback_.Reset();
  scratch_.Reset();
  report_.Reset();
  Unref();
}

Sender::Sender(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Sender>(info) {
  const Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>();
  int buffer = info[1].As<Napi::Number>().Int32Value();
  callback_ = Napi::Persistent(info[2].As<Napi::Function>());
  sockaddr_un address{};
  const socklen_t length = AddressOf(path, &address);
  if (length == 0) throw KernelError(env, errno, "connect");
  Descriptor descriptor = MakeSocket(env);
  // As much as net.core.wmem_max lets it have; less is no failure, only the datagrams get smaller.
  setsockopt(descriptor.Get(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  socklen_t size = sizeof buffer;
  if (getsockopt(descriptor.Get(), SOL_SOCKET, SO_SNDBUF, &buffer, &size) != 0)
    throw KernelError(env, errno, "getsockopt");
  max_bytes_ = buffer - 32;  // what the kernel keeps of it for itself (unix_dgram_sendmsg in net/unix/af_unix.c)
  int failed;
  do {
    failed = connect(descriptor.Get(), reinterpret_cast<sockaddr*>(&address), length);
  } while (failed != 0 && errno == EINTR);
  if (failed != 0) throw KernelError(env, errno, "connect");
  descriptor_ = std::move(descriptor);
}

Sender::~Sender() {
  if (poll_) poll_->Close();
}

Napi::Value Sender::MaxBytes(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), max_bytes_); }

/** send(header, body, start, end) → 1; 0 for want of room; -errno. */
Napi::Value Sender::Send(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (Get() < 0) return Napi::Number::New(env, -ECONNREFUSED);
  auto header = info[0].As<Napi::Uint8Array>();
  auto body = info[1].As<Napi::Uint8Array>();
  const int64_t start = info[2].As<Napi::Number>().Int64Value();
  const int64_t end = info[3].As<Napi::Number>().Int64Value();
  if (start < 0 || end < start || end > static_cast<int64_t>(body.ByteLength()))
    throw Napi::RangeError::New(env, "start and end are outside of body");
  iovec parts[2] = {{header.Data(), header.ByteLength()},
                    {body.Data() + start, static_cast<size_t>(end - start)}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ssize_t sent;
  do {
    sent = sendmsg(Get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return Napi::Number::New(env, sent >= 0 ? 1 : errno == EAGAIN ? 0 : -errno);
}

void Sender::OnEvents() {
  poll_->Watch(0);
  poll_->Unref();
  // Whatever it is, the next send says it.
  CallFromLoop(Env(), *this, callback_, 1);
}

void Sender::AwaitRoom(const Napi::CallbackInfo& info) {
  if (Get() < 0) return;
  if (!poll_) {
    poll_ = Poll::Open(info.Env(), std::move(descriptor_), [this](int, int) { OnEvents(); });
    Ref();
  }
  // A connected socket is writable when there is room in its own buffer and in the receiver's queue (unix_dgram_poll).
  poll_->Watch(UV_WRITABLE);
  poll_->Ref();
}

void Sender::Close(const Napi::CallbackInfo&) {
  descriptor_.Reset();
  callback_.Reset();
  if (!poll_ || !poll_->IsOpen()) return;
  poll_->Close();
  Unref();
}

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("DatagramReceiver",
              Receiver::DefineClass(env, "DatagramReceiver",
                                    {Receiver::InstanceMethod<&Receiver::RefLoop>("ref"),
                                     Receiver::InstanceMethod<&Receiver::UnrefLoop>("unref"),
                                     Receiver::InstanceMethod<&Receiver::Receive>("receive"),
                                     Receiver::InstanceMethod<&Receiver::Close>("close")}));
  exports.Set("DatagramSender", Sender::DefineClass(env, "DatagramSender",
                                                    {Sender::InstanceAccessor<&Sender::MaxBytes>("maxBytes"),
                                                     Sender::InstanceMethod<&Sender::Send>("send"),
                                                     Sender::InstanceMethod<&Sender::AwaitRoom>("awaitRoom"),
                                                     Sender::InstanceMethod<&Sender::Close>("close")}));
}

}  // namespace pigeonhole::unix_datagram
