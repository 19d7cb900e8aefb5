#pragma once

#include <napi.h>

#include <cstddef>
#include <memory>

#include "shm/mapping.h"

namespace pigeonhole::shm {

/**
 * An ArrayBuffer onto `bytes` bytes at `at` of a mapping, which stays mapped as long as the buffer lives, also past the mailbox and
 * while the environment ends. Null where the runtime has no buffers onto memory of others (Electron, for one).
 */
Napi::Value openView(Napi::Env env, std::shared_ptr<Mapping> mapping, const std::byte* at, size_t bytes);

/** Detaches it: whoever has kept a view finds it empty. One that was transferred away is out of reach. */
void closeView(Napi::Env env, Napi::Value view);

}  // namespace pigeonhole::shm
