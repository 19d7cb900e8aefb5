#include "shm_view.h"

#include <utility>

namespace pigeonhole::shm {

Napi::Value openView(Napi::Env env, std::shared_ptr<Mapping> mapping, const std::byte* at, size_t bytes) {
  if (bytes == 0) return Napi::ArrayBuffer::New(env, 0);
  auto* kept = new std::shared_ptr<Mapping>(std::move(mapping));
  const auto release = [](napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<Mapping>*>(hint); };
  napi_value view = nullptr;
  const napi_status status = napi_create_external_arraybuffer(env, const_cast<std::byte*>(at), bytes, release, kept, &view);
  if (status == napi_ok) return Napi::Value(env, view);
  delete kept;
  if (status == napi_no_external_buffers_allowed) return env.Null();
  throw Napi::Error::New(env);
}

void closeView(Napi::Env env, Napi::Value view) {
  bool detached = false;
  if (napi_is_detached_arraybuffer(env, view, &detached) != napi_ok) throw Napi::Error::New(env);
  if (!detached && napi_detach_arraybuffer(env, view) != napi_ok) throw Napi::Error::New(env);
}

}  // namespace pigeonhole::shm
