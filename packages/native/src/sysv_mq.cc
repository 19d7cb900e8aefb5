#include "sysv_mq.h"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernel_error.h"

namespace pigeonhole::sysv_mq {
namespace {

constexpr size_t kTypeBytes = sizeof(long);

Napi::Value Open(const Napi::CallbackInfo& info) {
  const auto key = static_cast<key_t>(info[0].As<Napi::Number>().Int32Value());
  const int flags = info[1].ToBoolean() ? IPC_CREAT | IPC_EXCL | 0600 : 0;
  const int id = msgget(key, flags);
  if (id < 0) throw KernelError(info.Env(), errno, "msgget");
  return Napi::Number::New(info.Env(), id);
}

msqid_ds StatusOf(Napi::Env env, int id) {
  msqid_ds status{};
  if (msgctl(id, IPC_STAT, &status) != 0) throw KernelError(env, errno, "msgctl");
  return status;
}

/** Whether msgrcv would take a message of this type when asked for `wanted`. */
bool Matches(long type, long wanted) { return wanted == 0 || (wanted > 0 ? type == wanted : type <= -wanted); }

}  // namespace

Queue::Queue(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Queue>(info) {
  const Napi::Env env = info.Env();
  id_ = info[0].As<Napi::Number>().Int32Value();
  callback_ = Napi::Persistent(info[1].As<Napi::Function>());
  if (StatusOf(env, id_).msg_perm.uid != geteuid()) throw KernelError(env, EPERM, "msgget");
  waiter_ = Waiter::Of(env);
  message_.id = room_.id = id_;
  message_.on_ready = [this](int status, long type) { Ready(1, status, type); };
  room_.on_ready = [this](int status, long type) { Ready(2, status, type); };
  Ref();  // in use until it is closed
}

Queue::~Queue() { Shut(); }

void Queue::Ready(int kind, int status, long type) {
  if (status == 2) empty_.push_back(type);
  if (open_) CallFromLoop(Env(), *this, callback_, status < 0 ? status : kind);
}

/** status() → [bytes now, messages now, most bytes, key]. */
Napi::Value Queue::Status(const Napi::CallbackInfo& info) {
  const msqid_ds status = StatusOf(info.Env(), id_);
  Napi::Array values = Napi::Array::New(info.Env(), 4);
  values.Set(0U, Napi::Number::New(info.Env(), static_cast<double>(status.__msg_cbytes)));
  values.Set(1U, Napi::Number::New(info.Env(), static_cast<double>(status.msg_qnum + empty_.size())));
  values.Set(2U, Napi::Number::New(info.Env(), static_cast<double>(status.msg_qbytes)));
  values.Set(3U, Napi::Number::New(info.Env(), status.msg_perm.__key));
  return values;
}

void Queue::SetBytes(const Napi::CallbackInfo& info) {
  msqid_ds status = StatusOf(info.Env(), id_);
  status.msg_qbytes = static_cast<msglen_t>(info[0].As<Napi::Number>().Int64Value());
  if (msgctl(id_, IPC_SET, &status) != 0) throw KernelError(info.Env(), errno, "msgctl");
}

/**
 * send(type, header, body, start, end, pad) → 1: it is in the queue; 0: that is full; -errno. A message shorter than `pad` is filled up
 * with zeros. Never waits.
 */
Napi::Value Queue::Send(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto type = static_cast<long>(info[0].As<Napi::Number>().Int64Value());
  auto header = info[1].As<Napi::Uint8Array>();
  auto body = info[2].As<Napi::Uint8Array>();
  const int64_t start = info[3].As<Napi::Number>().Int64Value();
  const int64_t end = info[4].As<Napi::Number>().Int64Value();
  const size_t pad = info[5].As<Napi::Number>().Uint32Value();
  if (start < 0 || end < start || end > static_cast<int64_t>(body.ByteLength()))
    throw Napi::RangeError::New(env, "start and end are outside of body");
  const size_t length = static_cast<size_t>(end - start);
  const size_t filled = header.ByteLength() + length;
  const size_t total = std::max(pad, filled);
  if (buffer_.size() < kTypeBytes + total) buffer_.resize(kTypeBytes + total);
  memcpy(buffer_.data(), &type, kTypeBytes);
  char* text = buffer_.data() + kTypeBytes;
  if (header.ByteLength() > 0) memcpy(text, header.Data(), header.ByteLength());
  if (length > 0) memcpy(text + header.ByteLength(), body.Data() + start, length);
  memset(text + filled, 0, total - filled);
  int failed;
  do {
    failed = msgsnd(id_, buffer_.data(), total, IPC_NOWAIT);
  } while (failed != 0 && errno == EINTR);
  return Napi::Number::New(env, failed == 0 ? 1 : errno == EAGAIN ? 0 : -errno);
}

/**
 * receive(scratch, type) → bytes of the message, which stand in the scratch from 8 on; -errno, -ENOMSG when there is none. E2BIG leaves one that is longer
 * than the scratch has room for.
 */
Napi::Value Queue::Receive(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto scratch = info[0].As<Napi::Uint8Array>();
  const auto wanted = static_cast<long>(info[1].As<Napi::Number>().Int64Value());
  if (scratch.ByteLength() < kTypeBytes) throw Napi::RangeError::New(env, "scratch is too small");
  if (TakeEmpty(wanted)) return Napi::Number::New(env, 0);
  ssize_t count;
  do {
    count = msgrcv(id_, scratch.Data(), scratch.ByteLength() - kTypeBytes, wanted, IPC_NOWAIT);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return Napi::Number::New(env, -errno);
  memcpy(&type_, scratch.Data(), kTypeBytes);
  return Napi::Number::New(env, static_cast<double>(count));
}

bool Queue::TakeEmpty(long wanted) {
  const auto found = std::find_if(empty_.begin(), empty_.end(), [wanted](long type) { return Matches(type, wanted); });
  if (found == empty_.end()) return false;
  type_ = *found;
  empty_.erase(found);
  return true;
}

Napi::Value Queue::Type(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(type_));
}

/** awaitMessage(type): replaces the wait before. */
void Queue::AwaitMessage(const Napi::CallbackInfo& info) {
  if (!open_) return;
  waiter_->Remove(&message_);
  message_.type = static_cast<long>(info[0].As<Napi::Number>().Int64Value());
  waiter_->Add(&message_);
}

/** awaitRoom(bytes): for a message of so many; 0 ends the wait. */
void Queue::AwaitRoom(const Napi::CallbackInfo& info) {
  if (!open_) return;
  waiter_->Remove(&room_);
  room_.room = info[0].As<Napi::Number>().Uint32Value();
  if (room_.room > 0) waiter_->Add(&room_);
}

void Queue::Hold(bool hold) {
  if (held_ != hold) waiter_->Hold(hold ? 1 : -1);
  held_ = hold;
}

void Queue::RefLoop(const Napi::CallbackInfo&) { Hold(open_); }
void Queue::UnrefLoop(const Napi::CallbackInfo&) { Hold(false); }

void Queue::Shut() {
  if (!open_ || waiter_ == nullptr) return;
  open_ = false;
  waiter_->Remove(&message_);
  waiter_->Remove(&room_);
  Hold(false);
  // What waiting took goes back, though behind the others.
  for (const long type : empty_) msgsnd(id_, &type, 0, IPC_NOWAIT);
  empty_.clear();
}

void Queue::Close(const Napi::CallbackInfo&) {
  if (!open_) return;
  Shut();
  callback_.Reset();
  Unref();
}

/** Removes the queue with all that it holds, at once, for everybody. */
void Queue::Remove(const Napi::CallbackInfo& info) {
  if (msgctl(id_, IPC_RMID, nullptr) != 0 && errno != EIDRM && errno != EINVAL) throw KernelError(info.Env(), errno, "msgctl");
}

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("openSysvQueue", Napi::Function::New<Open>(env, "openSysvQueue"));
  exports.Set("SysvQueue", Queue::DefineClass(env, "SysvQueue",
                                              {Queue::InstanceMethod<&Queue::Status>("status"),
                                               Queue::InstanceMethod<&Queue::SetBytes>("setBytes"),
                                               Queue::InstanceMethod<&Queue::Send>("send"),
                                               Queue::InstanceMethod<&Queue::Receive>("receive"),
                                               Queue::InstanceMethod<&Queue::Type>("type"),
                                               Queue::InstanceMethod<&Queue::AwaitMessage>("awaitMessage"),
                                               Queue::InstanceMethod<&Queue::AwaitRoom>("awaitRoom"),
                                               Queue::InstanceMethod<&Queue::RefLoop>("ref"),
                                               Queue::InstanceMethod<&Queue::UnrefLoop>("unref"),
                                               Queue::InstanceMethod<&Queue::Close>("close"),
                                               Queue::InstanceMethod<&Queue::Remove>("remove")}));
}

}  // namespace pigeonhole::sysv_mq
