#include <napi.h>

#include "credentials.h"
#include "fifo.h"
#include "file_lock.h"
#include "futex.h"
#include "pipe.h"
#include "process_watch.h"
#include "region.h"
#include "shm_mailbox.h"

namespace {

/** Runs once for every environment (the main thread, each worker). No state is shared between them: none is at file level. */
Napi::Object Init(Napi::Env env, Napi::Object exports) {
  pigeonhole::credentials::Init(env, exports);
  pigeonhole::fifo::Init(env, exports);
  pigeonhole::FileLock::Init(env, exports);
  pigeonhole::futex::Init(env, exports);
  pigeonhole::pipe::Init(env, exports);
  pigeonhole::ProcessWatch::Init(env, exports);
  pigeonhole::region::Init(env, exports);
  pigeonhole::shm::Init(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(pigeonhole, Init)
