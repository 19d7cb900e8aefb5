#include "posix_mq.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "kernel_error.h"

namespace pigeonhole::posix_mq {
namespace {

/** The kernel's names of queues have no slash in front (mq_overview(7), "C library/kernel differences"). */
const char* KernelName(const std::string& name) { return name.c_str() + (name.empty() || name[0] != '/' ? 0 : 1); }

int OpenQueue(const std::string& name, mq_attr* made) {
  const int flags = O_RDWR | O_NONBLOCK | O_CLOEXEC | (made == nullptr ? 0 : O_CREAT | O_EXCL);
  long fd;
  do {
    fd = syscall(SYS_mq_open, KernelName(name), flags, 0600, made);
  } while (fd < 0 && errno == EINTR);
  return static_cast<int>(fd);
}

Napi::Value Unlink(const Napi::CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>();
  const bool unlinked = syscall(SYS_mq_unlink, KernelName(name)) == 0;
  if (!unlinked && errno != ENOENT) throw KernelError(info.Env(), errno, "mq_unlink");
  return Napi::Boolean::New(info.Env(), unlinked);
}

}  // namespace

Queue::Queue(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Queue>(info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].As<Napi::String>();
  mq_attr attributes{};
  attributes.mq_maxmsg = info[1].As<Napi::Number>().Int32Value();
  attributes.mq_msgsize = info[2].As<Napi::Number>().Int32Value();
  callback_ = Napi::Persistent(info[3].As<Napi::Function>());
  Descriptor descriptor(OpenQueue(name, attributes.mq_maxmsg == 0 ? nullptr : &attributes));
  if (!descriptor.IsOpen()) throw KernelError(env, errno, "mq_open");
  struct stat status{};
  if (fstat(descriptor.Get(), &status) != 0) throw KernelError(env, errno, "fstat");
  if (status.st_uid != geteuid()) throw KernelError(env, EPERM, "mq_open");
  if (syscall(SYS_mq_getsetattr, descriptor.Get(), nullptr, &attributes) != 0)
    throw KernelError(env, errno, "mq_getattr");
  message_bytes_ = static_cast<size_t>(attributes.mq_msgsize);
  buffer_.reset(new char[message_bytes_]);
  poll_ = Poll::Open(env, std::move(descriptor), [this](int code, int events) { OnEvents(code, events); });
  poll_->Unref();
  Ref();  // in use until it is closed
}

Queue::~Queue() {
  if (poll_) poll_->Close();
}

void Queue::OnEvents(int status, int events) {
  if (status < 0) poll_->Watch(0);
  CallFromLoop(Env(), *this, callback_, status < 0 ? status : events);
}

Napi::Value Queue::Attributes(const Napi::CallbackInfo& info) {
  mq_attr attributes{};
  if (!poll_->IsOpen() || syscall(SYS_mq_getsetattr, poll_->Get(), nullptr, &attributes) != 0)
    throw KernelError(info.Env(), poll_->IsOpen() ? errno : EBADF, "mq_getattr");
  Napi::Array values = Napi::Array::New(info.Env(), 3);
  values.Set(0U, Napi::Number::New(info.Env(), static_cast<double>(attributes.mq_maxmsg)));
  values.Set(1U, Napi::Number::New(info.Env(), static_cast<double>(attributes.mq_msgsize)));
  values.Set(2U, Napi::Number::New(info.Env(), static_cast<double>(attributes.mq_curmsgs)));
  return values;
}

/** send(header, body, start, end, priority) → 1: it is in the queue; 0: that is full; -errno. Never waits. */
Napi::Value Queue::Send(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!poll_->IsOpen()) return Napi::Number::New(env, -EBADF);
  auto header = info[0].As<Napi::Uint8Array>();
  auto body = info[1].As<Napi::Uint8Array>();
  const int64_t start = info[2].As<Napi::Number>().Int64Value();
  const int64_t end = info[3].As<Napi::Number>().Int64Value();
  if (start < 0 || end < start || end > static_cast<int64_t>(body.ByteLength()))
    throw Napi::RangeError::New(env, "start and end are outside of body");
  const size_t length = static_cast<size_t>(end - start);
  const size_t total = header.ByteLength() + length;
  if (total > message_bytes_) return Napi::Number::New(env, -EMSGSIZE);
  if (header.ByteLength() > 0) memcpy(buffer_.get(), header.Data(), header.ByteLength());
  if (length > 0) memcpy(buffer_.get() + header.ByteLength(), body.Data() + start, length);
  long failed;
  do {
    failed = syscall(SYS_mq_timedsend, poll_->Get(), buffer_.get(), total, info[4].As<Napi::Number>().Uint32Value(), nullptr);
  } while (failed != 0 && errno == EINTR);
  return Napi::Number::New(env, failed == 0 ? 1 : errno == EAGAIN ? 0 : -errno);
}

/** receive(scratch) → bytes of the message, which may be 0; -errno, -EAGAIN when there is none. The scratch has room for any. */
Napi::Value Queue::Receive(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!poll_->IsOpen()) return Napi::Number::New(env, -EBADF);
  auto scratch = info[0].As<Napi::Uint8Array>();
  long count;
  do {
    count = syscall(SYS_mq_timedreceive, poll_->Get(), scratch.Data(), scratch.ByteLength(), &priority_, nullptr);
  } while (count < 0 && errno == EINTR);
  return Napi::Number::New(env, static_cast<double>(count < 0 ? -errno : count));
}

Napi::Value Queue::Priority(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), priority_); }
void Queue::Watch(const Napi::CallbackInfo& info) { poll_->Watch(info[0].As<Napi::Number>().Int32Value()); }
void Queue::RefLoop(const Napi::CallbackInfo&) { poll_->Ref(); }
void Queue::UnrefLoop(const Napi::CallbackInfo&) { poll_->Unref(); }

void Queue::Close(const Napi::CallbackInfo&) {
  if (!poll_->IsOpen()) return;
  poll_->Close();
  callback_.Reset();
  Unref();
}

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("unlinkPosixQueue", Napi::Function::New<Unlink>(env, "unlinkPosixQueue"));
  exports.Set("PosixQueue", Queue::DefineClass(env, "PosixQueue",
                                               {Queue::InstanceMethod<&Queue::Attributes>("attributes"),
                                                Queue::InstanceMethod<&Queue::Send>("send"),
                                                Queue::InstanceMethod<&Queue::Receive>("receive"),
                                                Queue::InstanceMethod<&Queue::Priority>("priority"),
                                                Queue::InstanceMethod<&Queue::Watch>("watch"),
                                                Queue::InstanceMethod<&Queue::RefLoop>("ref"),
                                                Queue::InstanceMethod<&Queue::UnrefLoop>("unref"),
                                                Queue::InstanceMethod<&Queue::Close>("close")}));
}

}  // namespace pigeonhole::posix_mq
