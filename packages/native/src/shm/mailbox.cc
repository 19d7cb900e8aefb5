#include "mailbox.h"

#include <algorithm>
#include <string>

#include "fault.h"
#include "shared.h"

namespace pigeonhole::shm {

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

}  // namespace pigeonhole::shm
