#include "mailbox.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "checksum.h"
#include "fault.h"
#include "shared.h"

namespace pigeonhole::shm {

/** Blocks whose entry has moved on are free. A few a call, oldest first; what is not free yet goes behind the others. */
void Mailbox::reclaim(size_t most) {
  if (outgoing_.empty()) return;
  for (size_t count = std::min(most, outgoing_.size()); count > 0; count--) {
    const Outgoing first = outgoing_.front();
    outgoing_.pop_front();
    if (Place::of(load(entries()[first.slot].state)).lap != first.lap) {
      outbox_->release(first.block);
      liveBytes_ -= first.bytes;
    } else {
      outgoing_.push_back(first);
    }
  }
  if (outgoing_.empty() && loans_ == 0) drained();
}

/** All of the lane is free. What it has needed of late it needs again: to allocate and clear that anew costs more than big messages do. */
void Mailbox::drained() {
  const bool slack = outbox_->bytes() > kKeptLaneBytes && peakBytes_ < outbox_->bytes() / 4;
  slackDrains_ = slack ? slackDrains_ + 1 : 0;
  peakBytes_ = 0;
  if (slackDrains_ < kSlackDrains) return;
  slackDrains_ = 0;
  outbox_->reset();
}

void Mailbox::allowBytes(uint64_t bytes) {
  if (bytes <= budget_) {
    budget_ -= bytes;
    return;
  }
  reclaim(outgoing_.size());
  put(own().laneBytes, liveBytes_);
  const uint32_t participants = participantsEver();
  uint64_t total = 0;
  for (uint32_t number = 0; number < participants; number++) total += load(participant(number).laneBytes);
  if (total + bytes > maxBytes_)
    throw Fault{Fault::Kind::noSpace, 0, "it holds " + std::to_string(total) + " of its maxBytes " + std::to_string(maxBytes_) + ", and the message has " + std::to_string(bytes)};
  // Others send as well: what is left is shared out, and counted anew when the share is used up.
  budget_ = (maxBytes_ - total - bytes) / (2 * participants);
}

/** Memory for a record in this participant's lane. */
Lane::Block Mailbox::reserve(uint32_t length) {
  reclaim(2);
  allowBytes(length);
  const Lane::Block block = outbox_->allocate(sizeof(Record) + uint64_t{length});
  liveBytes_ += length;
  peakBytes_ = std::max(peakBytes_, liveBytes_);
  return block;
}

std::byte* Mailbox::bodyAt(Lane::Block block, uint32_t length) {
  std::byte* at = outbox_->at(block.unit, sizeof(Record) + uint64_t{length});
  if (at == nullptr) corrupt("the lane's length");
  return at + sizeof(Record);
}

/** The record and, if there is a `body` to copy, that. */
void Mailbox::write(const Message& message, Lane::Block block, uint32_t length, uint32_t marks, const std::byte* body) {
  Record record{length, 0, 0, message.codec | marks, message.type, message.priority, written_++};
  std::memcpy(&record.sentAt, &message.sentAt, sizeof record.sentAt);
  std::byte* at = bodyAt(block, length);
  Checksum sum(record);
  crashPoint();
  if (body != nullptr) sum.addCopy(body, at, length);
  record.checksum = sum.value();
  crashPoint();
  std::memcpy(at - sizeof record, &record, sizeof record);
}

Mailbox::Sent Mailbox::send(const Message& message, const std::byte* body, uint32_t length, bool mayWait, Handle& handle) {
  look();
  const Lane::Block block = reserve(length);
  write(message, block, length, 0, body);
  try {
    const Sent sent = post(message, block, length, mayWait, handle);
    if (sent == Sent::refused) drop(block, length);
    return sent;
  } catch (const Fault& fault) {
    if (fault.kind != Fault::Kind::corrupt) drop(block, length);
    throw;
  }
}

void Mailbox::drop(Lane::Block block, uint32_t length) {
  outbox_->release(block);
  liveBytes_ -= length;
}

Mailbox::Sent Mailbox::post(const Message& message, Lane::Block block, uint32_t length, bool mayWait, Handle& handle) {
  while (true) {
    const View view = look();
    if (capacity_ == 0 && meetWant(view, message, block, length)) return Sent::accepted;
    const bool place = capacity_ != 0 && hasPlace(view);
    // Those that wait were here before.
    if (place && view.waiting > 0) {
      promoteOne(view);
      continue;
    }
    if (!place && !mayWait) {
      if (load(header().ledger) != view.word) continue;
      return Sent::refused;
    }
    Change change(view);
    chooseSlot(view, change);
    change.kind = TurnKind::append;
    change.from = load(entries()[change.slot].state);
    const Place empty = Place::of(change.from);
    if (empty.state != State::empty) continue;
    change.to = Place{place ? State::full : State::waiting, me_, 0, block.unit, empty.lap}.word();
    change.label = Label{static_cast<uint32_t>(view.sequence + 1), message.priority, message.type}.word();
    if (place) change.accepted++;
    else if (capacity_ != 0) change.waiting++;
    if (!commit(view, change)) continue;
    outgoing_.push_back({block, change.slot, empty.lap, length});
    if (place || capacity_ == 0) wakeReceivers();
    if (place) return Sent::accepted;
    handle = handleOf(change.slot, empty.lap);
    if (capacity_ == 0) return Sent::waits;
    // A place may have come free just before the others could see that this one waits.
    announce(header().waits, latest_.sequence);
    promote();
    return sendOutcome(handle) == Outcome::accepted ? Sent::accepted : Sent::waits;
  }
}

Mailbox::Outcome Mailbox::sendOutcome(Handle handle) {
  const Place place = Place::of(load(entry(slotOf(handle), "a handle").state));
  if (place.lap != lapOf(handle)) return Outcome::accepted;
  if (place.state == State::waiting) return Outcome::pending;
  return capacity_ == 0 && place.state == State::claimed ? Outcome::pending : Outcome::accepted;
}

Mailbox::Outcome Mailbox::withdrawSend(Handle handle) {
  Entry& place = entry(slotOf(handle), "a handle");
  while (true) {
    const View view = look();
    const uint64_t word = load(place.state);
    const Place now = Place::of(word);
    if (now.lap != lapOf(handle)) return Outcome::accepted;
    if (now.state != State::waiting) return capacity_ == 0 ? Outcome::pending : Outcome::accepted;
    if (capacity_ == 0) {
      if (swap(place.state, word, now.emptied().word())) return Outcome::withdrawn;
    } else if (withdraw(view, slotOf(handle), word)) {
      return Outcome::withdrawn;
    }
  }
}

/** Where sends are promoted, only the ledger says which come first: a withdrawal and a promotion. */
bool Mailbox::withdraw(const View& view, uint32_t slot, uint64_t word) {
  Change change(view);
  change.kind = TurnKind::change;
  change.slot = slot;
  change.from = word;
  change.to = Place::of(word).emptied().word();
  if (change.waiting > 0) change.waiting--;
  return commit(view, change);
}

/** While there are places, gives them to those that wait, the oldest first, whether or not they are awake. */
void Mailbox::promote() {
  if (capacity_ == 0 || capacity_ == kUnbounded) return;
  for (View view = look(); view.waiting > 0 && hasPlace(view); view = look()) promoteOne(view);
}

void Mailbox::promoteOne(const View& view) {
  refresh(view);
  auto& waiting = intake_.waiting();
  while (!waiting.empty()) {
    const Intake::Ref& oldest = waiting.front();
    const uint64_t word = load(entries()[oldest.slot].state);
    if (!Place::same(word, oldest.state) || Place::of(word).state != State::waiting) {
      waiting.pop_front();
      continue;
    }
    Change change(view);
    change.kind = TurnKind::change;
    change.slot = oldest.slot;
    change.from = word;
    change.to = Place::of(word).with(State::full).word();
    change.accepted++;
    change.waiting--;
    if (!commit(view, change)) return;
    const uint32_t sender = Place::of(word).lane;
    waiting.pop_front();
    if (sender != me_) wake(header().idleSenders, sender);
    wakeReceivers();
    return;
  }
  if (load(header().ledger) == view.word) corrupt("the number of sends that wait");
}

}  // namespace pigeonhole::shm
