#include <napi.h>

#include "credentials.h"
#include "fifo.h"
#include "file_lock.h"
#include "futex.h"
#include "inherited_socket.h"
#include "pipe.h"
#include "posix_mq.h"
#include "process_watch.h"
#include "region.h"
#include "shm_mailbox.h"
#include "unix_datagram.h"
#include "sysv_mq.h"
#include "udp_socket.h"

namespace {

/** Runs once for every environment (the main thread, each worker). No state is shared between them: none is at file level. */
Napi::Object Init(Napi::Env env, Napi::Object exports) {
  pigeonhole::credentials::Init(env, exports);
  pigeonhole::fifo::Init(env, exports);
  pigeonhole::FileLock::Init(env, exports);
  pigeonhole::futex::Init(env, exports);
  pigeonhole::inherited_socket::Init(env, exports);
  pigeonhole::pipe::Init(env, exports);
  pigeonhole::posix_mq::Init(env, exports);
  pigeonhole::ProcessWatch::Init(env, exports);
  pigeonhole::region::Init(env, exports);
  pigeonhole::shm::Init(env, exports);
  pigeonhole::unix_datagram::Init(env, exports);
  pigeonhole::sysv_mq::Init(env, exports);
  pigeonhole::udp_socket::Init(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(pigeonhole, Init)
