#pragma once

#include <napi.h>

#include "descriptor.h"

namespace pigeonhole {

/**
 * Locks on byte ranges of a file, held by an open file description (F_OFD_SETLK in fcntl(2)): the kernel drops them when the last
 * descriptor closes, so at the holder's death and never before. Unlike plain fcntl locks they exclude threads and other
 * openings within one process, and closing the file elsewhere does not drop them.
 *
 * new FileLock(path, create): opens it. tryLock(start, length, shared) → boolean; probe(start, length) → whether another holds
 * a part; unlock(start, length); close drops all.
 */
class FileLock : public Napi::ObjectWrap<FileLock> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit FileLock(const Napi::CallbackInfo& info);

 private:
  Napi::Value TryLock(const Napi::CallbackInfo& info);
  Napi::Value Probe(const Napi::CallbackInfo& info);
  void Unlock(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  Descriptor descriptor_;
};

}  // namespace pigeonhole
