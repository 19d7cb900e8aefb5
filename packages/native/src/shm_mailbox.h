#pragma once

#include <napi.h>

namespace pigeonhole::shm {

/** Exports `ShmMembers` and `ShmMailbox`: the classes of src/shm as JavaScript sees them (src/shm.ts). */
void Init(Napi::Env env, Napi::Object exports);

}  // namespace pigeonhole::shm
