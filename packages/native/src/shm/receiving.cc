#include "mailbox.h"

#include <algorithm>
#include <cstring>

#include "checksum.h"
#include "fault.h"
#include "shared.h"

namespace pigeonhole::shm {

void Mailbox::refresh(const View& view) {
  intake_.update(entries(), {view.sequence, view.limit, view.slot, view.around}, load(header().returns));
}

bool Mailbox::takes(const Selector& selector, uint32_t type, uint32_t lane) {
  if (!selector.takesType(type)) return false;
  if (selector.from.empty()) return true;
  const Participant& sender = participant(lane);
  const uint32_t length = std::min(load(sender.nameLength), kMaxName);
  return selector.from.size() == length && std::memcmp(selector.from.data(), sender.name, length) == 0;
}

bool Mailbox::claim(Selector* selector, Received& received) {
  // What this process has seen and not taken yet is older than all that it has not seen.
  const bool sawAll = byPriority_ || load(header().returns) != intake_.returns();
  if (!sawAll && load(header().poisoned) == 0 && claimSeen(selector, received)) return true;
  refresh(look());
  if (claimSeen(selector, received)) return true;
  // A send may have been stopped before it could say that it waits, so that nobody has given it its place.
  if (capacity_ == 0 || latest_.waiting == 0 || !hasPlace(latest_)) return false;
  promote();
  refresh(look());
  return claimSeen(selector, received);
}

bool Mailbox::claimSeen(Selector* selector, Received& received) {
  joinTakers();
  return intake_.search(selector, [&](const Intake::Ref& ref) {
    while (true) {
      uint64_t word = 0;
      const Intake::Answer answer = judge(ref, selector, word);
      if (answer != Intake::Answer::done) return answer;
      const uint64_t mine = Place::of(word).claimedBy(me_).word();
      if (!swap(entries()[ref.slot].state, word, mine)) continue;
      try {
        readClaimed(ref.slot, mine, ref.type, ref.priority, received);
      } catch (const Fault& fault) {
        // This process has not what it takes to map its lane just now: others may, and so may this one later.
        if (fault.kind == Fault::Kind::limit || fault.kind == Fault::Kind::noSpace) giveBack();
        throw;
      }
      return Intake::Answer::done;
    }
  });
}

/** `done`: it can be claimed, and its state is `word`. */
Intake::Answer Mailbox::judge(const Intake::Ref& ref, const Selector* selector, uint64_t& word) {
  word = load(entries()[ref.slot].state);
  const Place now = Place::of(word);
  if (!Place::same(word, ref.state)) return Intake::Answer::gone;
  if (now.state == State::waiting && capacity_ != 0) return Intake::Answer::stop;
  if (now.state != State::waiting && now.state != State::full) return Intake::Answer::gone;
  if (selector != nullptr && !takes(*selector, ref.type, now.lane)) return Intake::Answer::pass;
  return Intake::Answer::done;
}

bool Mailbox::seen(Selector* selector) {
  return intake_.search(selector, [&](const Intake::Ref& ref) {
    uint64_t word = 0;
    return judge(ref, selector, word);
  });
}

bool Mailbox::available(Selector* selector) {
  refresh(look());
  return seen(selector);
}

void Mailbox::joinTakers() {
  if (taker_) return;
  for (uint32_t takers = load(header().takers); takers <= me_; takers = load(header().takers))
    swap(header().takers, takers, me_ + 1);
  taker_ = true;
}

void Mailbox::readClaimed(uint32_t slot, uint64_t word, uint32_t type, uint32_t priority, Received& received) {
  claims_.push_back({slot, word, {}});
  const Place place = Place::of(word);
  Lane& from = lane(place.lane);
  std::byte* at = from.at(place.unit, sizeof(Record));
  if (at == nullptr) corrupt("where a message lies");
  Record record;
  std::memcpy(&record, at, sizeof record);
  if (record.length > kMaxBody || from.at(place.unit, sizeof record + uint64_t{record.length}) == nullptr) corrupt("the length of a message");
  if (record.type != type || record.priority != priority) corrupt("a message");
  // To read a long body here, and again to copy it, would take twice as long.
  received.unchecked = record.length >= kBulk && (record.codec & kBodyUnchecked) == 0;
  if (!received.unchecked && record.checksum != checksum(record, at + sizeof record)) corrupt("a message");
  received.codec = record.codec & ~kBodyUnchecked;
  received.type = type;
  received.priority = priority;
  std::memcpy(&received.sentAt, &record.sentAt, sizeof received.sentAt);
  received.body = at + sizeof record;
  received.length = record.length;
  received.lane = place.lane;
  received.order = record.order;
  claims_.back().received = received;
}

void Mailbox::copyBody(std::byte* to) {
  Received& received = claims_.back().received;
  if (!received.unchecked) {
    if (received.length > 0) std::memcpy(to, received.body, received.length);
    return;
  }
  const Record record = recordOf(received);
  Checksum sum(record);
  sum.addCopy(received.body, to, received.length);
  if (sum.value() != record.checksum) corrupt("a message");
}

void Mailbox::checkBody() {
  Received& received = claims_.back().received;
  if (!received.unchecked) return;
  const Record record = recordOf(received);
  if (record.checksum != checksum(record, received.body)) corrupt("a message");
  received.unchecked = false;
}

/** As it is now: its length is the one that was checked. */
Record Mailbox::recordOf(const Received& received) {
  Record record;
  std::memcpy(&record, received.body - sizeof record, sizeof record);
  if (record.length != received.length) corrupt("the length of a message");
  return record;
}

void Mailbox::take() {
  takeOnly();
  givePlaces();
}

/**
 * Sequentially consistent with `takeOnly`: either the sender that now waits sees the place, or we see that it waits. Not by the ledger: that
 * changes with each message, and to read it costs as much as all else here.
 */
void Mailbox::givePlaces() {
  if (capacity_ == 0 || capacity_ == kUnbounded) return;
  const uint64_t waits = header().waits.load(std::memory_order_seq_cst);
  if (waits == 0) return;
  promote();
  // Not if another has begun to wait since: no two sends write the same.
  if (latest_.waiting == 0) swap(header().waits, waits, uint64_t{0});
}

void Mailbox::takeOnly() {
  if (claims_.empty()) return;
  const Claimed claimed = claims_.back();
  claims_.pop_back();
  Entry& place = entries()[claimed.slot];
  const Place was = Place::of(claimed.state);
  const uint64_t emptied = was.emptied().word();
  if (capacity_ == 0 || capacity_ == kUnbounded) {
    publish(place.state, emptied);
    if (capacity_ == 0 && was.state == State::claimed && was.lane != me_) wake(header().idleSenders, was.lane);
    return;
  }
  // If this process dies in between, the tally says what it was taking, and the entry how far it came.
  Word& tally = own().tally;
  const uint64_t count = load(tally) >> 32;
  publish(tally, count << 32 | (claimed.slot + 1));
  publish(place.state, emptied);
  crashPoint();
  tally.exchange((count + 1) << 32, std::memory_order_seq_cst);
}

void Mailbox::giveBack() {
  if (claims_.empty()) return;
  const Claimed claimed = claims_.back();
  claims_.pop_back();
  const State was = Place::of(claimed.state).state;
  Entry& entry = entries()[claimed.slot];
  // A want has no label of its own; from now on it is a message like any other.
  if (was == State::given) put(entry.label, Label{static_cast<uint32_t>(load(entry.ticket)), claimed.received.priority, claimed.received.type}.word());
  Place place = Place::of(claimed.state).with(capacity_ == 0 && was == State::claimed ? State::waiting : State::full);
  place.claimant = 0;
  publish(entry.state, place.word());
  countReturn();
  wakeReceivers();
}

void Mailbox::swapClaims() {
  if (claims_.size() > 1) std::swap(claims_[claims_.size() - 1], claims_[claims_.size() - 2]);
}

void Mailbox::countReturn() {
  crashPoint();
  header().returns.fetch_add(1, std::memory_order_seq_cst);
}

}  // namespace pigeonhole::shm
