#include "inherited_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "kernel_error.h"

namespace pigeonhole::inherited_socket {
namespace {

int Option(Napi::Env env, int fd, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  if (getsockopt(fd, SOL_SOCKET, name, &value, &length) != 0) throw KernelError(env, errno, "getsockopt");
  return value;
}

std::string PathOf(Napi::Env env, int fd) {
  sockaddr_un address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    throw KernelError(env, errno, "getsockname");
  const size_t start = offsetof(sockaddr_un, sun_path);
  // Without a name, or with one outside of the file system, which begins with a NUL.
  if (address.sun_family != AF_UNIX || length <= start || address.sun_path[0] == '\0') return "";
  return std::string(address.sun_path, strnlen(address.sun_path, length - start));
}

Napi::Value AdoptSocket(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const int flags = fcntl(fd, F_GETFD);
  if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0) throw KernelError(env, errno, "fcntl");
  Napi::Object result = Napi::Object::New(env);
  result.Set("family", Napi::Number::New(env, Option(env, fd, SO_DOMAIN)));
  result.Set("type", Napi::Number::New(env, Option(env, fd, SO_TYPE)));
  result.Set("listening", Napi::Boolean::New(env, Option(env, fd, SO_ACCEPTCONN) != 0));
  result.Set("path", Napi::String::New(env, PathOf(env, fd)));
  return result;
}

Napi::Value Duplicate(const Napi::CallbackInfo& info) {
  const int fd = fcntl(info[0].As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 3);
  if (fd < 0) throw KernelError(info.Env(), errno, "fcntl");
  return Napi::Number::New(info.Env(), fd);
}

}  // namespace

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("adoptSocket", Napi::Function::New<AdoptSocket>(env, "adoptSocket"));
  exports.Set("duplicate", Napi::Function::New<Duplicate>(env, "duplicate"));
}

}  // namespace pigeonhole::inherited_socket
