#include "sysv_waiter.h"

#include <fcntl.h>
#include <sys/poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "kernel_error.h"

namespace pigeonhole::sysv_mq {
namespace {

constexpr long kFirstPause = 50'000;  // nanoseconds
constexpr long kLongestPause = 2'000'000;

/** What is kept for each environment. */
struct Instance {
  std::weak_ptr<Waiter> waiter;
};

void Ignore(int) {}

/**
 * A signal is the only thing that brings a thread back from msgrcv(2), which it always does (signal(7)). SIGURG is ignored unless somebody
 * handles it, so that sending it can do no harm; to have an effect it must be handled, though by nothing.
 */
void HandleInterrupts() {
  struct sigaction present {};
  if (sigaction(SIGURG, nullptr, &present) != 0) return;
  if ((present.sa_flags & SA_SIGINFO) != 0 || (present.sa_handler != SIG_DFL && present.sa_handler != SIG_IGN)) return;
  struct sigaction wanted {};
  wanted.sa_handler = Ignore;
  wanted.sa_flags = SA_RESTART;  // for the other threads, should one ever get it
  sigaction(SIGURG, &wanted, nullptr);
}

/** Looks, or waits, for a message without taking it. 1, 2 (an empty one was taken, of `taken`), 0: there is none, -errno. */
int Peek(const Waiter::Wait& wait, int flags, long* taken) {
  struct {
    long type;
    char text[1];
  } message{};
  if (msgrcv(wait.id, &message, 0, wait.type, flags) >= 0) {
    *taken = message.type;
    return 2;
  }
  if (errno == E2BIG) return 1;
  return errno == ENOMSG || errno == EINTR ? 0 : -errno;
}

int HasRoom(const Waiter::Wait& wait) {
  msqid_ds status{};
  if (msgctl(wait.id, IPC_STAT, &status) != 0) return -errno;
  return status.__msg_cbytes + wait.room <= status.msg_qbytes && status.msg_qnum < status.msg_qbytes ? 1 : 0;
}

}  // namespace

std::shared_ptr<Waiter> Waiter::Of(Napi::Env env) {
  auto* instance = env.GetInstanceData<Instance>();
  if (instance == nullptr) {
    instance = new Instance;
    env.SetInstanceData(instance);
  }
  std::shared_ptr<Waiter> waiter = instance->waiter.lock();
  if (waiter == nullptr) {
    waiter.reset(new Waiter(env));
    instance->waiter = waiter;
    // Lives as long as the environment, and with it the thread: see Stop.
    env.AddCleanupHook([waiter] { waiter->Stop(); });
  }
  return waiter;
}

Waiter::Waiter(Napi::Env env) {
  Descriptor bell(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  nudge_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  ring_ = Descriptor(bell.IsOpen() ? fcntl(bell.Get(), F_DUPFD_CLOEXEC, 0) : -1);
  if (!bell.IsOpen() || !nudge_.IsOpen() || !ring_.IsOpen()) throw KernelError(env, errno, "eventfd");
  bell_ = Poll::Open(env, std::move(bell), [this](int, int) { OnRing(); });
  bell_->Watch(UV_READABLE);
  bell_->Unref();
}

Waiter::~Waiter() { Stop(); }

void Waiter::Start() {
  HandleInterrupts();
  // Signals of the process are for its other threads.
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, SIGURG);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { Run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Waiter::Stop() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    Interrupt(lock);
    waits_.clear();
    ready_.clear();
  }
  if (thread_.joinable()) thread_.join();
  bell_->Close();
}

void Waiter::Add(Wait* wait) {
  std::unique_lock lock(mutex_);
  if (stopping_) return;
  waits_.push_back(wait);
  Interrupt(lock);
  if (!thread_.joinable()) Start();
}

void Waiter::Remove(Wait* wait) {
  std::vector<Ready> last;
  {
    std::unique_lock lock(mutex_);
    // First, because the thread may just be taking something for it.
    if (std::find(waits_.begin(), waits_.end(), wait) != waits_.end()) Interrupt(lock);
    waits_.erase(std::remove(waits_.begin(), waits_.end(), wait), waits_.end());
    for (auto at = ready_.begin(); at != ready_.end();) {
      if (at->wait == wait) {
        last.push_back(*at);
        at = ready_.erase(at);
      } else {
        ++at;
      }
    }
  }
  for (const Ready& each : last)
    if (each.status == 2) wait->on_ready(2, each.type);
}

void Waiter::Hold(int change) {
  held_ += change;
  if (held_ > 0)
    bell_->Ref();
  else
    bell_->Unref();
}

/** Brings the thread back to where it sees what has changed. Holds the lock on return, and the thread is not blocked then. */
void Waiter::Interrupt(std::unique_lock<std::mutex>& lock) {
  changed_ = true;
  const uint64_t one = 1;
  (void)!write(nudge_.Get(), &one, sizeof one);
  if (!blocked_) return;
  interrupting_ = true;
  // The signal may come just before the call that it is to end: so again, until it has.
  while (blocked_) {
    HandleInterrupts();
    syscall(SYS_tgkill, getpid(), thread_id_, SIGURG);
    lock.unlock();
    const timespec pause{0, 20'000};
    nanosleep(&pause, nullptr);
    lock.lock();
  }
  interrupting_ = false;
}

void Waiter::Run() {
  std::unique_lock lock(mutex_);
  thread_id_ = static_cast<int>(syscall(SYS_gettid));
  long pause = kFirstPause;
  while (!stopping_) {
    if (changed_) {
      changed_ = false;
      pause = kFirstPause;
      uint64_t nudges;
      (void)!read(nudge_.Get(), &nudges, sizeof nudges);
    }
    if (interrupting_) {
      lock.unlock();
      sched_yield();
      lock.lock();
      continue;
    }
    if (waits_.size() == 1 && waits_[0]->room == 0) {
      Block(lock);
      continue;
    }
    if (Look()) continue;
    const timespec timeout{0, pause};
    const bool forever = waits_.empty();
    pause = std::min(pause * 2, kLongestPause);
    pollfd nudge{nudge_.Get(), POLLIN, 0};
    lock.unlock();
    ppoll(&nudge, 1, forever ? nullptr : &timeout, nullptr);
    lock.lock();
  }
}

void Waiter::Block(std::unique_lock<std::mutex>& lock) {
  const Wait* waiting = waits_[0];
  Wait copy;
  copy.id = waiting->id;
  copy.type = waiting->type;
  long taken = 0;
  blocked_ = true;
  lock.unlock();
  const int status = Peek(copy, 0, &taken);
  lock.lock();
  blocked_ = false;
  // Who changes the waits interrupts first, so it is still there.
  if (status != 0) Finish(static_cast<size_t>(std::find(waits_.begin(), waits_.end(), waiting) - waits_.begin()), status, taken);
}

/** Looks at each. Whether any was ready. */
bool Waiter::Look() {
  bool found = false;
  for (size_t at = 0; at < waits_.size();) {
    long taken = 0;
    const Wait& wait = *waits_[at];
    const int status = wait.room > 0 ? HasRoom(wait) : Peek(wait, IPC_NOWAIT, &taken);
    if (status == 0) {
      at++;
    } else {
      Finish(at, status, taken);
      found = true;
    }
  }
  return found;
}

void Waiter::Finish(size_t at, int status, long type) {
  ready_.push_back({waits_[at], status, type});
  waits_.erase(waits_.begin() + static_cast<std::ptrdiff_t>(at));
  const uint64_t one = 1;
  (void)!write(ring_.Get(), &one, sizeof one);
}

void Waiter::OnRing() {
  uint64_t rings;
  (void)!read(bell_->Get(), &rings, sizeof rings);
  for (;;) {
    Ready next{};
    {
      const std::lock_guard guard(mutex_);
      if (ready_.empty()) return;
      next = ready_.front();
      ready_.erase(ready_.begin());
    }
    next.wait->on_ready(next.status, next.type);  // may remove others
  }
}

}  // namespace pigeonhole::sysv_mq
