#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "descriptor.h"
#include "poll.h"

namespace pigeonhole::sysv_mq {

/**
 * Waits on System V queues, which have no descriptor, for one environment: a single thread, started with the first wait and joined when the
 * environment ends. It takes no message: msgrcv(2) with room for none fails with E2BIG once there is one, which stays where it is.
 * (But for a message of no bytes, which that call takes: see `OnReady`.)
 *
 * With one wait for messages, the thread sleeps in the kernel. With several, or one for room, for which the kernel has no such call, it looks
 * at each again and again: after 50 us, then less and less often, down to once in 2 ms.
 *
 * All methods are for the environment's thread.
 */
class Waiter : public std::enable_shared_from_this<Waiter> {
 public:
  /** `status`: 1: there may be a message, or room; 2: an empty message of `type` was taken; -errno: the queue is gone. */
  using OnReady = std::function<void(int status, long type)>;

  struct Wait {
    int id = -1;
    long type = 0;     // of the messages that are waited for, as for msgrcv
    size_t room = 0;   // or bytes of a message that is to fit; 0: waits for messages
    OnReady on_ready;  // called from the loop
  };

  static std::shared_ptr<Waiter> Of(Napi::Env env);
  ~Waiter();

  /** Begins to wait; `wait` must live until it is ready or `Remove`d. */
  void Add(Wait* wait);
  /** Idempotent. What has been taken for it meanwhile is reported before this returns. */
  void Remove(Wait* wait);
  /** How many waits keep the process running. */
  void Hold(int change);

 private:
  struct Ready {
    Wait* wait;
    int status;
    long type;
  };

  explicit Waiter(Napi::Env env);
  void Start();
  void Stop();
  void Run();
  bool Look();
  void Block(std::unique_lock<std::mutex>& lock);
  void Finish(size_t at, int status, long type);
  void Interrupt(std::unique_lock<std::mutex>& lock);
  void OnRing();

  std::shared_ptr<Poll> bell_;  // rung by the thread
  Descriptor ring_;             // the thread's own way to it: the bell's is closed with the environment
  Descriptor nudge_;            // wakes the thread where it sleeps between looks
  int held_ = 0;
  std::thread thread_;

  std::mutex mutex_;  // of what follows
  std::vector<Wait*> waits_;
  std::vector<Ready> ready_;
  bool changed_ = false;
  bool stopping_ = false;
  bool blocked_ = false;       // in a system call that only a signal ends
  bool interrupting_ = false;  // not to be entered now
  int thread_id_ = 0;
};

}  // namespace pigeonhole::sysv_mq
