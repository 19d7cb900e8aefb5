#pragma once

#include <napi.h>

namespace pigeonhole::credentials {

/** peerCredentials(fd) → { pid, uid, gid } of who made the other end of a connected Unix socket (SO_PEERCRED in unix(7)). */
void Init(Napi::Env env, Napi::Object exports);

}  // namespace pigeonhole::credentials
