#pragma once

#include <napi.h>

namespace pigeonhole::pipe {

/** makePipe(capacity) → [read end, write end] of a pipe2(2) pipe, closed on exec; 0: of the default size. The caller owns both descriptors. */
void Init(Napi::Env env, Napi::Object exports);

}  // namespace pigeonhole::pipe
