#include "mailbox.h"

#include <algorithm>
#include <cstring>

#include "fault.h"
#include "shared.h"

namespace pigeonhole::shm {

namespace {

/** A selector as it lies in its receiver's lane, for senders to read. */
struct SelectorRecord {
  uint64_t token;
  uint32_t types;
  uint32_t nameLength;
  char from[kMaxName + 7];
};

}  // namespace

Mailbox::Wanted Mailbox::want(Selector* selector, uint64_t token, Received& received, Handle& handle) {
  Lane::Block block{};
  const bool choosy = token != 0 || (selector != nullptr && !selector->any());
  if (choosy) {
    static const Selector anything;
    const Selector& wanted = selector == nullptr ? anything : *selector;
    reclaim(2);
    const uint64_t bytes = sizeof(SelectorRecord) + wanted.types.size() * sizeof(uint32_t);
    block = outbox_->allocate(bytes);
    std::byte* at = outbox_->at(block.unit, bytes);
    if (at == nullptr) corrupt("the lane's length");
    SelectorRecord record{token, static_cast<uint32_t>(wanted.types.size()), static_cast<uint32_t>(wanted.from.size()), {}};
    std::memcpy(record.from, wanted.from.data(), std::min<size_t>(wanted.from.size(), kMaxName));
    crashPoint();
    std::memcpy(at, &record, sizeof record);
    if (!wanted.types.empty()) std::memcpy(at + sizeof record, wanted.types.data(), wanted.types.size() * sizeof(uint32_t));
  }
  while (true) {
    const View view = look();
    refresh(view);
    const bool found = token == 0 ? claimSeen(selector, received) : seen(selector);
    if (found) {
      if (choosy) outbox_->release(block);
      return token == 0 ? Wanted::claimed : Wanted::available;
    }
    Change change(view);
    chooseSlot(view, change);
    change.kind = TurnKind::append;
    change.from = load(entries()[change.slot].state);
    const Place empty = Place::of(change.from);
    if (empty.state != State::empty) continue;
    change.to = Place{State::want, me_, 0, block.unit, empty.lap}.word();
    change.label = Label{static_cast<uint32_t>(view.sequence + 1), 0, 0}.word();
    if (!commit(view, change)) continue;
    if (choosy) outgoing_.push_back({block, change.slot, empty.lap, 0});
    handle = handleOf(change.slot, empty.lap);
    return Wanted::waits;
  }
}

/** Gives the message to the oldest receive that wants it. Between `look` and `commit`, so that none is overlooked. */
bool Mailbox::meetWant(const View& view, const Message& message, Lane::Block block, uint32_t length) {
  refresh(view);
  auto& wants = intake_.wants();
  const auto standing = [this](const Intake::Ref& ref) {
    const uint64_t word = load(entries()[ref.slot].state);
    return Place::same(word, ref.state) && Place::of(word).state == State::want;
  };
  while (!wants.empty() && !standing(wants.front())) wants.pop_front();
  for (const Intake::Ref& ref : wants) {
    if (!standing(ref)) continue;
    const Place want = Place::of(ref.state);
    const uint64_t bit = uint64_t{1} << (want.lane % 64);
    // Whoever sleeps has to be woken by a system call anyway; a dead one must not be given anything.
    const bool sleeps = (load(header().idleReceivers[want.lane / 64]) & bit) != 0;
    if (sleeps && !members_.alive(identityOf(want.lane))) continue;
    uint64_t token = 0;
    if (want.unit != 0 && !wantTakes(want, message.type, token)) continue;
    if (hasOlderOfOwn(want)) continue;
    const uint64_t receiver = identityOf(want.lane);
    if (token != 0 && !members_.takeToken(receiver, token)) continue;
    const Place given{State::given, me_, want.lane, block.unit, want.lap};
    // Its label becomes the message's: readers check it against the record.
    if (!swap(entries()[ref.slot].state, ref.state, given.word())) {
      if (token != 0) members_.releaseToken(receiver, token);
      continue;
    }
    outgoing_.push_back({block, ref.slot, want.lap, length});
    if (want.lane != me_) wake(header().idleReceivers, want.lane);
    return true;
  }
  return false;
}

/** A message of this sender that the receiver of `want` takes first when it wakes: none is to overtake it. */
bool Mailbox::hasOlderOfOwn(const Place& want) {
  return intake_.search(nullptr, [&](const Intake::Ref& ref) {
    uint64_t word = 0;
    const Intake::Answer answer = judge(ref, nullptr, word);
    if (answer != Intake::Answer::done) return answer;
    uint64_t token = 0;
    const bool taken = Place::of(word).lane == me_ && (want.unit == 0 || wantTakes(want, ref.type, token));
    return taken ? Intake::Answer::done : Intake::Answer::pass;
  });
}

bool Mailbox::wantTakes(const Place& want, uint32_t type, uint64_t& token) {
  Lane& from = lane(want.lane);
  std::byte* at = from.at(want.unit, sizeof(SelectorRecord));
  if (at == nullptr) return false;
  SelectorRecord record;
  std::memcpy(&record, at, sizeof record);
  // It may have been withdrawn and written over: then the swap that follows fails. So only the bounds matter here.
  if (record.types > 65536 || record.nameLength > kMaxName) return false;
  token = record.token;
  if (record.nameLength > 0) {
    const Participant& self = own();
    if (record.nameLength != load(self.nameLength) || std::memcmp(record.from, self.name, record.nameLength) != 0) return false;
  }
  if (record.types == 0) return true;
  at = from.at(want.unit, sizeof record + record.types * sizeof(uint32_t));
  if (at == nullptr) return false;
  for (uint32_t index = 0; index < record.types; index++) {
    uint32_t each;
    std::memcpy(&each, at + sizeof record + index * sizeof each, sizeof each);
    if (each == type) return true;
  }
  return false;
}

bool Mailbox::met(Handle handle, Received& received) {
  if (load(header().poisoned) != 0) corrupt("it was found damaged before");
  const uint64_t word = load(entry(slotOf(handle), "a handle").state);
  const Place place = Place::of(word);
  if (place.lap != lapOf(handle)) corrupt("a receive that waits");
  if (place.state != State::given) return false;
  readGiven(slotOf(handle), word, received);
  return true;
}

bool Mailbox::peek(Handle handle, uint32_t& from, uint32_t& order) {
  const Place place = Place::of(load(entry(slotOf(handle), "a handle").state));
  if (place.lap != lapOf(handle) || place.state != State::given) return false;
  const std::byte* at = lane(place.lane).at(place.unit, sizeof(Record));
  if (at == nullptr) corrupt("where a message lies");
  Record record;
  std::memcpy(&record, at, sizeof record);
  from = place.lane;
  order = record.order;
  return true;
}

void Mailbox::readGiven(uint32_t slot, uint64_t word, Received& received) {
  const Place place = Place::of(word);
  std::byte* at = lane(place.lane).at(place.unit, sizeof(Record));
  if (at == nullptr) corrupt("where a message lies");
  Record record;
  std::memcpy(&record, at, sizeof record);
  readClaimed(slot, word, record.type, record.priority, received);
}

bool Mailbox::withdrawWant(Handle handle, Received& received) {
  Entry& place = entry(slotOf(handle), "a handle");
  while (true) {
    const uint64_t word = load(place.state);
    const Place now = Place::of(word);
    if (now.lap != lapOf(handle)) return true;
    if (now.state == State::given) {
      readGiven(slotOf(handle), word, received);
      return false;
    }
    if (now.state != State::want) corrupt("a receive that waits");
    if (swap(place.state, word, now.emptied().word())) return true;
  }
}

}  // namespace pigeonhole::shm
