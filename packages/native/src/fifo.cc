#include "fifo.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cerrno>
#include <climits>

#include "kernel_error.h"

namespace pigeonhole {
namespace {

int OpenFifo(const char* path, int access) {
  int fd;
  do {
    fd = open(path, access | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return -1;
  struct stat status{};
  int refused = 0;
  if (fstat(fd, &status) != 0)
    refused = errno;
  else if (!S_ISFIFO(status.st_mode))
    refused = EINVAL;
  else if (status.st_uid != geteuid())
    refused = EPERM;
  if (refused == 0) return fd;
  close(fd);
  errno = refused;
  return -1;
}

}  // namespace

int OpenFifoReader(const char* path) { return OpenFifo(path, O_RDWR); }
int OpenFifoWriter(const char* path) { return OpenFifo(path, O_WRONLY); }

namespace fifo {
namespace {

void MakeFifo(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  if (mkfifo(path.c_str(), 0600) != 0) throw KernelError(info.Env(), errno, "mkfifo");
}

}  // namespace

Reader::Reader(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Reader>(info) {
  const Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>();
  auto scratch = info[1].As<Napi::Uint8Array>();
  bytes_ = scratch.Data();
  capacity_ = scratch.ByteLength();
  if (capacity_ == 0) throw Napi::RangeError::New(env, "scratch is empty");
  scratch_ = Napi::Persistent(scratch);
  callback_ = Napi::Persistent(info[2].As<Napi::Function>());
  Descriptor descriptor(OpenFifoReader(path.c_str()));
  if (!descriptor.IsOpen()) throw KernelError(env, errno, "open");
  // As much as the system lets this user have; less is no failure.
  const int wanted = info[3].As<Napi::Number>().Int32Value();
  if (wanted > 0) fcntl(descriptor.Get(), F_SETPIPE_SZ, wanted);
  poll_ = Poll::Open(env, std::move(descriptor), [this](int status, int) { OnReadable(status); });
  poll_->Watch(UV_READABLE);
  Ref();  // an open reader is in use; close lets it go
}

Reader::~Reader() {
  if (poll_) poll_->Close();
}

int Reader::ReadOnce() {
  ssize_t count;
  do {
    count = read(poll_->Get(), bytes_, capacity_);
  } while (count < 0 && errno == EINTR);
  if (count > 0) return static_cast<int>(count);
  // Never at its end: this very descriptor can write.
  return count == 0 ? -EPIPE : errno == EAGAIN ? 0 : -errno;
}

void Reader::OnReadable(int status) {
  const int count = status < 0 ? status : ReadOnce();
  if (count == 0) return;
  if (count < 0) poll_->Watch(0);
  CallFromLoop(Env(), *this, callback_, count);
}

Napi::Value Reader::Read(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), poll_->IsOpen() ? ReadOnce() : 0);
}

void Reader::RefLoop(const Napi::CallbackInfo&) { poll_->Ref(); }
void Reader::UnrefLoop(const Napi::CallbackInfo&) { poll_->Unref(); }
void Reader::Pause(const Napi::CallbackInfo&) { poll_->Watch(0); }
void Reader::Resume(const Napi::CallbackInfo&) { poll_->Watch(UV_READABLE); }

void Reader::Close(const Napi::CallbackInfo&) {
  if (!poll_->IsOpen()) return;
  poll_->Close();
  // They refer back to this object, which would otherwise be kept for ever.
  callback_.Reset();
  scratch_.Reset();
  Unref();
}

Writer::Writer(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Writer>(info) {
  const std::string path = info[0].As<Napi::String>();
  callback_ = Napi::Persistent(info[1].As<Napi::Function>());
  descriptor_ = Descriptor(OpenFifoWriter(path.c_str()));
  if (!descriptor_.IsOpen()) throw KernelError(info.Env(), errno, "open");
}

Writer::~Writer() {
  if (poll_) poll_->Close();
}

Poll& Writer::Polled(Napi::Env env) {
  if (!poll_) {
    poll_ = Poll::Open(env, std::move(descriptor_), [this](int status, int) { OnEvents(status); });
    Ref();
  }
  return *poll_;
}

void Writer::OnEvents(int status) {
  // Without readers the descriptor polls as an error, which libuv reports as EBADF whatever it was.
  awaiting_ = false;
  poll_->Watch(status < 0 ? 0 : UV_DISCONNECT);
  poll_->Unref();
  CallFromLoop(Env(), *this, callback_, status < 0 ? -EPIPE : 1);
}

/**
 * write(header, body, start, end) → what was written: all of it or, with EAGAIN, 0. Up to PIPE_BUF bytes are one piece for the reader,
 * whoever else writes (pipe(7)); more are refused. -errno when the readers have gone.
 */
Napi::Value Writer::Write(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (Get() < 0) return Napi::Number::New(env, -EPIPE);
  auto header = info[0].As<Napi::Uint8Array>();
  auto body = info[1].As<Napi::Uint8Array>();
  const int64_t start = info[2].As<Napi::Number>().Int64Value();
  const int64_t end = info[3].As<Napi::Number>().Int64Value();
  if (start < 0 || end < start || end > static_cast<int64_t>(body.ByteLength()))
    throw Napi::RangeError::New(env, "start and end are outside of body");
  iovec parts[2] = {{header.Data(), header.ByteLength()},
                    {body.Data() + start, static_cast<size_t>(end - start)}};
  const size_t length = parts[0].iov_len + parts[1].iov_len;
  if (length > PIPE_BUF) throw Napi::RangeError::New(env, "more than PIPE_BUF bytes");
  ssize_t written;
  do {
    written = writev(Get(), parts, 2);
  } while (written < 0 && errno == EINTR);
  if (written >= 0) return Napi::Number::New(env, static_cast<double>(written));
  return Napi::Number::New(env, errno == EAGAIN ? 0 : -errno);
}

void Writer::AwaitRoom(const Napi::CallbackInfo& info) {
  if (Get() < 0) return;
  awaiting_ = true;
  Polled(info.Env()).Watch(UV_WRITABLE);
  poll_->Ref();
}

void Writer::Watch(const Napi::CallbackInfo& info) {
  if (Get() < 0 || awaiting_) return;  // who awaits room hears of the end too
  Polled(info.Env()).Watch(UV_DISCONNECT);
  poll_->Unref();
}

void Writer::Close(const Napi::CallbackInfo&) {
  descriptor_.Reset();
  callback_.Reset();
  if (!poll_ || !poll_->IsOpen()) return;
  poll_->Close();
  Unref();
}

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("makeFifo", Napi::Function::New<MakeFifo>(env, "makeFifo"));
  exports.Set("FifoReader", Reader::DefineClass(env, "FifoReader",
                                                {Reader::InstanceMethod<&Reader::RefLoop>("ref"),
                                                 Reader::InstanceMethod<&Reader::UnrefLoop>("unref"),
                                                 Reader::InstanceMethod<&Reader::Pause>("pause"),
                                                 Reader::InstanceMethod<&Reader::Resume>("resume"),
                                                 Reader::InstanceMethod<&Reader::Read>("read"),
                                                 Reader::InstanceMethod<&Reader::Close>("close")}));
  exports.Set("FifoWriter", Writer::DefineClass(env, "FifoWriter",
                                                {Writer::InstanceMethod<&Writer::Write>("write"),
                                                 Writer::InstanceMethod<&Writer::AwaitRoom>("awaitRoom"),
                                                 Writer::InstanceMethod<&Writer::Watch>("watch"),
                                                 Writer::InstanceMethod<&Writer::Close>("close")}));
}

}  // namespace fifo
}  // namespace pigeonhole
