#pragma once

#include <napi.h>

namespace pigeonhole::region {

/** mapRegion(fd, offset, length) → ArrayBuffer */
void Init(Napi::Env env, Napi::Object exports);

}  // namespace pigeonhole::region
