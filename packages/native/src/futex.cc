#include "futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <ctime>

namespace pigeonhole {
namespace {

constexpr int64_t kNanosecondsInSecond = 1'000'000'000;

// No FUTEX_PRIVATE_FLAG: the kernel would then compare addresses, which differ between processes. FUTEX_WAIT_BITSET, unlike FUTEX_WAIT,
// takes a point in time, so a wait that a signal interrupted goes on to the same end.
long Futex(std::atomic<int32_t>* word, int operation, int32_t value, const timespec* deadline) {
  return syscall(SYS_futex, reinterpret_cast<int32_t*>(word), operation, value, deadline, nullptr,
                 FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

int64_t MonotonicNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNanosecondsInSecond + now.tv_nsec;
}

FutexResult FutexWait(std::atomic<int32_t>* word, int32_t expected, int64_t deadline) {
  timespec end{};
  end.tv_sec = deadline / kNanosecondsInSecond;
  end.tv_nsec = deadline % kNanosecondsInSecond;
  while (true) {
    if (Futex(word, FUTEX_WAIT_BITSET, expected, deadline < 0 ? nullptr : &end) == 0) return FutexResult::kWoken;
    if (errno == EAGAIN) return FutexResult::kChanged;
    if (errno == ETIMEDOUT) return FutexResult::kTimedOut;
    if (errno != EINTR) return FutexResult::kWoken;  // none is left for a mapped, aligned word; the caller looks again
  }
}

int FutexWake(std::atomic<int32_t>* word, int count) {
  const long woken = Futex(word, FUTEX_WAKE, count, nullptr);
  return woken < 0 ? 0 : static_cast<int>(woken);
}

namespace futex {
namespace {

std::atomic<int32_t>* WordOf(const Napi::CallbackInfo& info) {
  const auto view = info[0].As<Napi::TypedArray>();
  if (view.TypedArrayType() != napi_int32_array) throw Napi::TypeError::New(info.Env(), "view must be an Int32Array");
  auto words = view.As<Napi::Int32Array>();
  const int64_t index = info[1].As<Napi::Number>().Int64Value();
  if (index < 0 || index >= static_cast<int64_t>(words.ElementLength()))
    throw Napi::RangeError::New(info.Env(), "index is outside of view");
  static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t) && std::atomic<int32_t>::is_always_lock_free);
  return reinterpret_cast<std::atomic<int32_t>*>(words.Data() + index);
}

Napi::Value Wait(const Napi::CallbackInfo& info) {
  std::atomic<int32_t>* const word = WordOf(info);
  const int32_t expected = info[2].As<Napi::Number>().Int32Value();
  const double milliseconds = info[3].As<Napi::Number>().DoubleValue();
  const bool positive = milliseconds > 0;  // also false for NaN
  // A day at most: the caller comes back far sooner anyway.
  const double bounded = positive ? (milliseconds < 86'400'000 ? milliseconds : 86'400'000) : 0;
  const int64_t deadline = MonotonicNow() + static_cast<int64_t>(bounded * 1e6);
  return Napi::Number::New(info.Env(), static_cast<int>(FutexWait(word, expected, deadline)));
}

Napi::Value Wake(const Napi::CallbackInfo& info) {
  std::atomic<int32_t>* const word = WordOf(info);
  const int64_t count = info[2].As<Napi::Number>().Int64Value();
  const int bounded = count < 0 ? 0 : count > INT_MAX ? INT_MAX : static_cast<int>(count);
  return Napi::Number::New(info.Env(), FutexWake(word, bounded));
}

}  // namespace

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("futexWait", Napi::Function::New<Wait>(env, "futexWait"));
  exports.Set("futexWake", Napi::Function::New<Wake>(env, "futexWake"));
}

}  // namespace futex
}  // namespace pigeonhole
