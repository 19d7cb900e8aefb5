#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "layout.h"

namespace pigeonhole::shm {

/** What a receive asks for; both empty: anything. */
struct Selector {
  std::vector<uint32_t> types;
  std::string from;

  bool takesType(uint32_t type) const;
  bool any() const { return types.empty() && from.empty(); }

  /** Up to where each queue of the intake is known to hold nothing for this selector, and for which building of it. */
  std::vector<uint64_t> searched;
  uint64_t building = 0;
};

/**
 * One process's own view of the index: what is in the mailbox, in the order of acceptance. It only ever says where to
 * look; whether an entry is still there is read from the entry, and decided by claiming it.
 */
class Intake {
 public:
  struct Ref {
    uint64_t ticket;
    uint64_t state;  // as it was when seen
    uint32_t slot;
    uint32_t type;
    uint32_t priority;
  };

  /** Where the index stands: of a `Turn`. */
  struct Extent {
    uint64_t sequence;
    uint32_t limit;
    uint32_t slot;
    uint32_t around;
  };

  explicit Intake(bool byPriority) : queues_(byPriority ? 32 : 1) {}

  /** Takes in what was appended since. `returns`: of the header, read before. */
  void update(const Entry* entries, const Extent& extent, uint64_t returns);

  /**
   * Calls `offer` for entries in the order in which they are to be received, until it says that it is done. It answers
   * `gone` for what will never be there again, `pass` for what is not for this caller, `stop` for the end of a queue.
   */
  enum class Answer { gone, pass, stop, done };
  template <class Offer>
  bool search(Selector* selector, Offer&& offer);

  /** Up to where in the order of acceptance the view has been brought. */
  uint64_t upTo() const { return last_; }
  /** What `Header::returns` was when the view was built; no real value before. */
  uint64_t returns() const { return returns_; }

  /** The wants (capacity 0) and the waiting sends (otherwise), oldest first. */
  std::deque<Ref>& wants() { return wants_; }
  std::deque<Ref>& waiting() { return waiting_; }

 private:
  struct Queue {
    /** Position of the first of `refs` since the intake was built. */
    uint64_t base = 0;
    std::deque<Ref> refs;
    uint64_t gone = 0;
  };

  /** Tickets above `after`, up to `until`: what was appended later belongs to the next update. */
  void takeIn(const Entry& entry, uint32_t slot, uint64_t after, uint64_t until);
  void keep(const Ref& ref);
  void scan(const Entry* entries, const Extent& extent, uint64_t after);
  void compact(Queue& queue);

  std::vector<Queue> queues_;
  std::deque<Ref> wants_;
  std::deque<Ref> waiting_;
  std::vector<Ref> found_;
  uint64_t building_ = 1;
  uint64_t returns_ = ~uint64_t{0};
  uint64_t last_ = 0;
  uint32_t slot_ = 0;
  uint32_t around_ = 0;
};

template <class Offer>
bool Intake::search(Selector* selector, Offer&& offer) {
  if (selector != nullptr && selector->building != building_) {
    selector->searched.assign(queues_.size(), 0);
    selector->building = building_;
  }
  for (size_t index = queues_.size(); index-- > 0;) {
    Queue& queue = queues_[index];
    while (!queue.refs.empty() && queue.refs.front().state == 0) {
      queue.refs.pop_front();
      queue.base++;
      queue.gone--;
    }
    uint64_t position = queue.base;
    if (selector != nullptr && selector->searched[index] > position) position = selector->searched[index];
    for (; position - queue.base < queue.refs.size(); position++) {
      Ref& ref = queue.refs[position - queue.base];
      if (ref.state == 0) continue;
      const Answer answer = offer(ref);
      if (answer == Answer::done) {
        if (selector != nullptr) selector->searched[index] = position;
        return true;
      }
      if (answer == Answer::stop) break;
      if (answer == Answer::gone) {
        ref.state = 0;
        queue.gone++;
      }
    }
    if (selector != nullptr) selector->searched[index] = position;
    if (queue.gone > 1024 && queue.gone > queue.refs.size() / 2) compact(queue);
  }
  return false;
}

}  // namespace pigeonhole::shm
