#include "mailbox.h"

#include <algorithm>

#include "fault.h"
#include "futex.h"
#include "shared.h"

namespace pigeonhole::shm {

void Mailbox::sleepReceiving(bool choosy) {
  const uint64_t bit = uint64_t{1} << (me_ % 64);
  if (choosy) setBits(header().choosyReceivers[me_ / 64], bit);
  else clearBits(header().choosyReceivers[me_ / 64], bit);
  setBits(header().idleReceivers[me_ / 64], bit);
}

void Mailbox::sleepSending() { setBits(header().idleSenders[me_ / 64], uint64_t{1} << (me_ % 64)); }

void Mailbox::awake() {
  const uint64_t bit = uint64_t{1} << (me_ % 64);
  if ((load(header().idleReceivers[me_ / 64]) & bit) != 0) clearBits(header().idleReceivers[me_ / 64], bit);
  if ((load(header().idleSenders[me_ / 64]) & bit) != 0) clearBits(header().idleSenders[me_ / 64], bit);
}

bool Mailbox::wake(Word* bits, uint32_t number) {
  if (number >= kMaxParticipants) corrupt("the number of a participant");
  const uint64_t bit = uint64_t{1} << (number % 64);
  if ((bits[number / 64].load(std::memory_order_seq_cst) & bit) == 0) return false;
  if ((clearBits(bits[number / 64], bit) & bit) == 0) return false;
  return ring(number);
}

bool Mailbox::ring(uint32_t number) {
  if (number == me_) return true;
  Participant& sleeper = participant(number);
  crashPoint();
  sleeper.futex.fetch_add(1, std::memory_order_seq_cst);
  if (load(sleeper.sync) != 0) {
    futexWake(sleeper.futex);
    return true;
  }
  const uint64_t identity = load(sleeper.identity);
  return (identity & 1) != 0 && members_.ring(identity, load(sleeper.tag));
}

/** One that takes anything, and all that take some messages only. */
void Mailbox::wakeReceivers() {
  const uint32_t words = (std::min(load(header().participants), kMaxParticipants) + 63) / 64;
  bool one = false;
  for (uint32_t index = 0; index < words; index++) {
    uint64_t idle = header().idleReceivers[index].load(std::memory_order_seq_cst);
    if (idle == 0) continue;
    const uint64_t choosy = load(header().choosyReceivers[index]);
    for (; idle != 0; idle &= idle - 1) {
      const uint64_t bit = idle & ~(idle - 1);
      const uint32_t number = index * 64 + static_cast<uint32_t>(__builtin_ctzll(bit));
      // Its own calls are looked after when this one returns.
      if (number == me_) continue;
      if ((choosy & bit) != 0) wake(header().idleReceivers, number);
      else if (!one) one = wake(header().idleReceivers, number);
    }
  }
}

void Mailbox::wakeAll(Word* bits) {
  for (uint32_t number = 0; number < std::min(load(header().participants), kMaxParticipants); number++) wake(bits, number);
}

bool Mailbox::changed() {
  const View view = look();
  if (view.sequence != intake_.upTo() || load(header().returns) != intake_.returns()) return true;
  // A place that comes free changes neither. Who has freed it gives it away, unless stopped; a claim then does.
  return view.waiting != 0 && hasPlace(view);
}

bool Mailbox::linger() {
  if (!known_) return false;
  for (int spins = 0; spins < kLinger; spins++) {
    if (load(header().ledger) != latest_.word || load(header().returns) != intake_.returns()) {
      spinning_.good();
      return true;
    }
    relax();
  }
  return false;
}

void Mailbox::block(double ms, bool receiving, bool choosy, std::optional<Handle> watched, bool spin) {
  sleepUntilChanged(ms, receiving, choosy, watched, spin);
  // What the caller looks at now is no older than this. Not all that it does reads the ledger, and if it were not read, what
  // has changed once would have changed for ever, and the next call would not sleep.
  const View view = look();
  if (receiving) refresh(view);
}

void Mailbox::sleepUntilChanged(double ms, bool receiving, bool choosy, std::optional<Handle> watched, bool spin) {
  const uint64_t ledger = latest_.word;
  const uint64_t returns = intake_.returns();
  const auto changed = [&] {
    if (load(header().ledger) != ledger || load(header().poisoned) != 0) return true;
    if (receiving && load(header().returns) != returns) return true;
    if (!watched) return false;
    const Place now = Place::of(load(entry(slotOf(*watched), "a handle").state));
    return now.lap != lapOf(*watched) || now.state == State::given || (capacity_ != 0 && now.state != State::waiting);
  };
  if (spin && spinning_.until(changed, kSpins)) return;
  Participant& self = own();
  const uint32_t value = load(self.futex);
  self.sync.store(1, std::memory_order_seq_cst);
  if (receiving) sleepReceiving(choosy);
  else sleepSending();
  if (!changed()) futexWait(self.futex, value, ms);
  awake();
  self.sync.store(0, std::memory_order_seq_cst);
}

}  // namespace pigeonhole::shm
