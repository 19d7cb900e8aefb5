#include "intake.h"

#include <algorithm>

#include "shared.h"

namespace pigeonhole::shm {

bool Selector::takesType(uint32_t type) const {
  return types.empty() || std::find(types.begin(), types.end(), type) != types.end();
}

void Intake::update(const Entry* entries, const Extent& extent, uint64_t returns) {
  if (returns != returns_) {
    for (Queue& queue : queues_) queue = Queue{};
    wants_.clear();
    waiting_.clear();
    building_++;
    scan(entries, extent, 0);
    returns_ = returns;
  } else if (extent.sequence == last_) {
    return;
  } else if (extent.around != around_) {
    scan(entries, extent, last_);
  } else {
    found_.clear();
    for (uint32_t slot = slot_; slot <= extent.slot && slot < extent.limit; slot++)
      takeIn(entries[slot], slot, last_, extent.sequence);
    for (const Ref& ref : found_) keep(ref);
  }
  last_ = extent.sequence;
  slot_ = extent.slot;
  around_ = extent.around;
}

void Intake::scan(const Entry* entries, const Extent& extent, uint64_t after) {
  found_.clear();
  for (uint32_t slot = 0; slot < extent.limit; slot++) takeIn(entries[slot], slot, after, extent.sequence);
  std::sort(found_.begin(), found_.end(), [](const Ref& a, const Ref& b) { return a.ticket < b.ticket; });
  for (const Ref& ref : found_) keep(ref);
}

void Intake::takeIn(const Entry& entry, uint32_t slot, uint64_t after, uint64_t until) {
  uint64_t state = load(entry.state);
  while (true) {
    const State what = Place::of(state).state;
    if (what != State::waiting && what != State::full && what != State::want) return;
    const uint64_t ticket = load(entry.ticket);
    const Label label = Label::of(load(entry.label));
    const uint64_t again = load(entry.state);
    if (again == state) {
      if (ticket > after && ticket <= until) found_.push_back({ticket, state, slot, label.type, label.priority});
      return;
    }
    state = again;
  }
}

void Intake::keep(const Ref& ref) {
  const State what = Place::of(ref.state).state;
  if (what == State::want) {
    wants_.push_back(ref);
    return;
  }
  if (what == State::waiting) waiting_.push_back(ref);
  queues_[queues_.size() == 1 ? 0 : ref.priority].refs.push_back(ref);
}

void Intake::compact(Queue& queue) {
  queue.refs.erase(std::remove_if(queue.refs.begin(), queue.refs.end(), [](const Ref& ref) { return ref.state == 0; }), queue.refs.end());
  queue.gone = 0;
  queue.base = 0;
  building_++;
}

}  // namespace pigeonhole::shm
