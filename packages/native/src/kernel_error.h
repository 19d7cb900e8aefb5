#pragma once

#include <napi.h>

#include <string>
#include <system_error>

namespace pigeonhole {

/**
 * The JavaScript error of a failed system call: `errno` (positive, as the kernel counts) and `syscall`. The one way in which errors
 * of the kernel leave the addon; src/kernel-error.ts gives each its code.
 */
inline Napi::Error KernelError(Napi::Env env, int error, const char* syscall) {
  const std::string reason = std::generic_category().message(error);
  Napi::Error thrown = Napi::Error::New(env, std::string(syscall) + ": " + reason);
  thrown.Set("errno", Napi::Number::New(env, error));
  thrown.Set("syscall", Napi::String::New(env, syscall));
  return thrown;
}

}  // namespace pigeonhole
