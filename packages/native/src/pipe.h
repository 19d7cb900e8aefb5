#pragma once

#include <napi.h>

namespace pigeonhole::pipe {

/** makePipe() → [read end, write end] of a pipe2(2) pipe, closed on exec. The caller owns both descriptors. */
void Init(Napi::Env env, Napi::Object exports);

}  // namespace pigeonhole::pipe
