#include "mailbox.h"

#include <algorithm>
#include <cstring>
#include <ctime>

#include "checksum.h"
#include "fault.h"
#include "futex.h"
#include "shared.h"

namespace pigeonhole::shm {

namespace {

uint32_t slotOf(Mailbox::Handle handle) { return static_cast<uint32_t>(handle); }
uint32_t lapOf(Mailbox::Handle handle) { return static_cast<uint32_t>(handle >> 32); }
Mailbox::Handle handleOf(uint32_t slot, uint32_t lap) { return uint64_t{lap} << 32 | slot; }

/** Tells the processor that this thread only looks again. */
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/** A selector as it lies in its receiver's lane, for senders to read. */
struct SelectorRecord {
  uint64_t token;
  uint32_t types;
  uint32_t nameLength;
  char from[kMaxName + 7];
};

}  // namespace

// ---- the ledger ---------------------------------------------------------------------------------------------------

Participant& Mailbox::participant(uint32_t number) {
  if (number >= kMaxParticipants || !box_->holds(kHeaderBytes + (uint64_t{number} + 1) * sizeof(Participant)))
    corrupt("the number of a participant");
  return reinterpret_cast<Participant*>(box_->data() + kHeaderBytes)[number];
}

/** It only grows, and this one was counted when it joined. */
uint32_t Mailbox::participantsEver() {
  const uint32_t count = load(header().participants);
  if (count > kMaxParticipants || count == 0 || (own_ != nullptr && count <= me_)) corrupt("the number of participants");
  return count;
}

Entry& Mailbox::entry(uint32_t slot, const char* what) {
  if (slot >= kMaxEntries || !index_->holds((uint64_t{slot} + 1) * sizeof(Entry))) corrupt(what);
  return entries()[slot];
}

Mailbox::View Mailbox::look() {
  if (load(header().poisoned) != 0) corrupt("it was found damaged before");
  while (true) {
    const uint64_t word = load(header().ledger);
    if (word == latest_.word && known_) return latest_;
    const uint64_t sequence = word >> 16;
    Turn& shared = participant(static_cast<uint32_t>(word & 0xffff)).turns[sequence & 1];
    const Step turn{load(shared.from),  load(shared.to),     load(shared.label), load(shared.target),
                    load(shared.sequence)};
    const uint64_t accepted = load(shared.accepted);
    const uint64_t extent = load(shared.extent);
    const uint64_t cursor = load(shared.cursor);
    const uint64_t settings = load(shared.settings);
    // As long as the ledger stands, nobody writes into the turn that it points to; so all of it belongs together.
    if (load(header().ledger) != word) continue;
    const View view{word,
                    sequence,
                    accepted,
                    static_cast<uint32_t>(extent >> 32),
                    static_cast<uint32_t>(extent),
                    static_cast<uint32_t>(cursor),
                    static_cast<uint32_t>(cursor >> 32),
                    settings};
    const bool sound = turn.sequence == sequence && view.limit >= kFirstEntries && view.limit <= kMaxEntries &&
                       (view.limit & (view.limit - 1)) == 0 && view.slot < view.limit && view.waiting <= view.limit &&
                       index_->holds(uint64_t{view.limit} * sizeof(Entry)) && settings >> 32 <= 1 &&
                       (static_cast<uint32_t>(settings) <= kMaxEntries || static_cast<uint32_t>(settings) == kUnbounded);
    if (!sound) corrupt("the ledger's turn");
    adopt(settings);
    apply(view, turn);
    latest_ = view;
    known_ = true;
    return view;
  }
}

void Mailbox::adopt(uint64_t settings) {
  if (settings == settings_) return;
  settings_ = settings;
  capacity_ = static_cast<uint32_t>(settings);
  byPriority_ = settings >> 32 != 0;
  intake_ = Intake(byPriority_);
}

/** Idempotent; may be done by several at once, and by one who was stopped for long: every swap expects what it read before
 * it saw the ledger still unchanged, and no such value comes back. */
void Mailbox::apply(const View& view, const Step& turn) {
  const auto kind = static_cast<TurnKind>(static_cast<uint32_t>(turn.target));
  if (kind == TurnKind::nothing) return;
  Entry& place = entry(static_cast<uint32_t>(turn.target >> 32), "the slot of the ledger's turn");
  if (load(place.state) != turn.from) return;
  if (kind == TurnKind::append) {
    const uint64_t ticket = load(place.ticket);
    const uint64_t label = load(place.label);
    if (load(header().ledger) != view.word) return;
    if (ticket != view.sequence) swap(place.ticket, ticket, view.sequence);
    if (label != turn.label) swap(place.label, label, turn.label);
  }
  swap(place.state, turn.from, turn.to);
}

bool Mailbox::commit(const View& view, const Change& change) {
  const uint64_t sequence = view.sequence + 1;
  const Step step{change.from, change.to, change.label, uint64_t{change.slot} << 32 | static_cast<uint32_t>(change.kind), sequence};
  // The other of the two turns may be what the ledger points to, and is not touched. `publish`, not `put`: whoever reads
  // half of this turn and half of the one before it must then see that the ledger has moved on.
  Turn& turn = own().turns[sequence & 1];
  publish(turn.from, step.from);
  publish(turn.to, step.to);
  publish(turn.label, step.label);
  publish(turn.target, step.target);
  publish(turn.accepted, change.accepted);
  publish(turn.extent, uint64_t{change.limit} << 32 | change.waiting);
  publish(turn.cursor, uint64_t{change.around} << 32 | change.cursor);
  publish(turn.settings, change.settings);
  publish(turn.sequence, sequence);
  const uint64_t word = sequence << 16 | me_;
  if (!swap(header().ledger, view.word, word)) return false;
  const View next{word, sequence, change.accepted, change.limit, change.waiting, change.cursor, change.around, change.settings};
  adopt(change.settings);
  apply(next, step);
  latest_ = next;
  known_ = true;
  return true;
}

uint32_t Mailbox::taken() {
  uint32_t sum = 0;
  const uint32_t takers = std::min(load(header().takers), kMaxParticipants);
  for (uint32_t number = 0; number < takers; number++)
    sum += static_cast<uint32_t>(participant(number).tally.load(std::memory_order_seq_cst) >> 32);
  return sum;
}

/** True is true whatever happens meanwhile, as long as the ledger stands: others can only take more. False was true
 * when `view` was read, if the ledger still stands. */
bool Mailbox::hasPlace(const View& view) {
  if (capacity_ == kUnbounded) return true;
  const uint32_t accepted = static_cast<uint32_t>(view.accepted);
  if (accepted - takenBefore_ < capacity_) return true;
  takenBefore_ = taken();
  return accepted - takenBefore_ < capacity_;
}

/** The next empty place, the index growing or shrinking when its end is reached. */
void Mailbox::chooseSlot(const View& view, Change& change) {
  Entry* all = entries();
  const auto isEmpty = [all](uint32_t slot) { return Place::of(load(all[slot].state)).state == State::empty; };
  for (uint32_t slot = view.slot + 1; slot < view.limit; slot++) {
    if (!isEmpty(slot)) continue;
    change.slot = change.cursor = slot;
    return;
  }
  uint32_t used = 0;
  uint32_t usedAbove = 0;
  for (uint32_t slot = 0; slot < view.limit; slot++) {
    if (isEmpty(slot)) continue;
    used++;
    if (slot >= view.limit / 2) usedAbove++;
  }
  if (used > view.limit / 2 && view.limit < kMaxEntries && grow(uint64_t{view.limit} * 2, used < view.limit)) {
    change.limit = view.limit * 2;
    change.slot = change.cursor = view.limit;
    return;
  }
  change.around = view.around + 1;
  // Nothing lies above: nobody has to look there any more.
  if (view.limit > kFirstEntries && used < view.limit / 8 && usedAbove == 0) change.limit = view.limit / 2;
  for (uint32_t slot = 0; slot < change.limit; slot++) {
    if (!isEmpty(slot)) continue;
    change.slot = change.cursor = slot;
    return;
  }
  throw Fault{Fault::Kind::noSpace, 0, "a mailbox in shared memory holds " + std::to_string(kMaxEntries) + " messages at most"};
}

bool Mailbox::grow(uint64_t places, bool optional) {
  try {
    index_->ensure(places * sizeof(Entry));
    return true;
  } catch (const Fault&) {
    if (!optional) throw;
    return false;
  }
}

// ---- sending ------------------------------------------------------------------------------------------------------

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

void Mailbox::writeHeader(const Message& message, Lane::Block block, uint32_t length, uint32_t marks, const std::byte* body) {
  Record record{length, 0, 0, message.codec | marks, message.type, message.priority, written_++};
  std::memcpy(&record.sentAt, &message.sentAt, sizeof record.sentAt);
  record.checksum = checksum(record, body);
  crashPoint();
  std::memcpy(bodyAt(block, length) - sizeof record, &record, sizeof record);
}

Lane::Block Mailbox::write(const Message& message, const std::byte* body, uint32_t length) {
  const Lane::Block block = reserve(length);
  writeHeader(message, block, length, 0, body);
  crashPoint();
  if (length > 0) std::memcpy(bodyAt(block, length), body, length);
  return block;
}

Mailbox::Sent Mailbox::send(const Message& message, const std::byte* body, uint32_t length, bool mayWait, Handle& handle) {
  look();
  const Lane::Block block = write(message, body, length);
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

// ---- receiving ----------------------------------------------------------------------------------------------------

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
      readClaimed(ref.slot, mine, ref.type, ref.priority, received);
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
  if (record.type != type || record.priority != priority || record.checksum != checksum(record, at + sizeof record))
    corrupt("a message");
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

void Mailbox::take() {
  takeOnly();
  givePlaces();
}

/** Sequentially consistent with `takeOnly`: either the sender that now waits sees the place, or we see that it waits. */
void Mailbox::givePlaces() {
  if (capacity_ == 0 || capacity_ == kUnbounded) return;
  if (header().ledger.load(std::memory_order_seq_cst) != latest_.word || latest_.waiting > 0) promote();
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

// ---- capacity 0 ---------------------------------------------------------------------------------------------------

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

// ---- sleeping and waking ------------------------------------------------------------------------------------------

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

bool Mailbox::linger() {
  if (!known_) return false;
  for (int spins = 0; spins < kLinger; spins++) {
    if (load(header().ledger) != latest_.word || load(header().returns) != intake_.returns()) return true;
    relax();
  }
  return false;
}

void Mailbox::block(double ms, bool receiving, bool choosy, std::optional<Handle> watched) {
  sleepUntilChanged(ms, receiving, choosy, watched);
  // What the caller looks at now is no older than this. Not all that it does reads the ledger, and if it were not read, what
  // has changed once would have changed for ever, and the next call would not sleep.
  const View view = look();
  if (receiving) refresh(view);
}

void Mailbox::sleepUntilChanged(double ms, bool receiving, bool choosy, std::optional<Handle> watched) {
  const uint64_t ledger = latest_.word;
  const uint64_t returns = intake_.returns();
  const auto changed = [&] {
    if (load(header().ledger) != ledger || load(header().poisoned) != 0) return true;
    if (receiving && load(header().returns) != returns) return true;
    if (!watched) return false;
    const Place now = Place::of(load(entry(slotOf(*watched), "a handle").state));
    return now.lap != lapOf(*watched) || now.state == State::given || (capacity_ != 0 && now.state != State::waiting);
  };
  for (int spins = 0; spins < kSpins; spins++) {
    if (changed()) return;
    relax();
  }
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
