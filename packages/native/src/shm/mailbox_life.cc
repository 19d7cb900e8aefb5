#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fault.h"
#include "mailbox.h"
#include "shared.h"

namespace pigeonhole::shm {

namespace {

constexpr uint64_t kBoxBytes = kHeaderBytes + uint64_t{kMaxParticipants} * sizeof(Participant);
constexpr uint64_t kIndexBytes = uint64_t{kMaxEntries} * sizeof(Entry);
constexpr uint64_t kPresent = 1;

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace

Mailbox::Mailbox(Members& members, const Spec& spec) : members_(members), path_(spec.path), maxBytes_(spec.maxBytes) {
  attach(spec);
  join(spec);
  settle(spec.capacity, spec.ordering);
}

Mailbox::~Mailbox() = default;

void Mailbox::attach(const Spec& spec) {
  if (exists(path_ + ".box")) {
    box_ = Mapping::open(path_ + ".box", Mapping::Open::existing, 0, kBoxBytes);
    if (usable(spec)) {
      index_ = Mapping::open(path_ + ".index", Mapping::Open::existing, 0, kIndexBytes);
      if (index_->holds(kFirstEntries * sizeof(Entry))) return;
      replaced_ = true;
    }
    box_.reset();
  }
  removeFiles();
  create(spec);
}

/** Whether the mailbox that is there can be joined; else it is to be replaced. Throws where that would be wrong. */
bool Mailbox::usable(const Spec& spec) {
  // Made by one who died before the magic; nobody can have used it.
  if (!box_->holds(kHeaderBytes + sizeof(Participant)) || load(header().magic) == 0) return false;
  if (load(header().retired) != 0) return false;
  const bool sound = load(header().magic) == kMagic && load(header().nameLength) <= kMaxName &&
                     load(header().participants) <= kMaxParticipants && load(header().participants) > 0 && load(header().takers) <= kMaxParticipants &&
                     load(header().ordering) <= 1 &&
                     (load(header().capacity) <= kMaxEntries || load(header().capacity) == kUnbounded);
  if (sound && load(header().version) != kVersion)
    throw Fault{Fault::Kind::version, 0, "it has layout version " + std::to_string(load(header().version)) + ", this package has " + std::to_string(kVersion)};
  if (!sound || load(header().poisoned) != 0) {
    replaced_ = true;
    return false;
  }
  if (!spec.name.empty() && std::string(header().name, load(header().nameLength)) != spec.name)
    throw Fault{Fault::Kind::system, EEXIST, "mailbox '" + std::string(header().name, load(header().nameLength)) + "' has the same file name"};
  return true;
}

void Mailbox::create(const Spec& spec) {
  try {
    box_ = Mapping::open(path_ + ".box", Mapping::Open::create, 0, kBoxBytes);
    box_->ensure(kHeaderBytes + 4 * sizeof(Participant));
    index_ = Mapping::open(path_ + ".index", Mapping::Open::create, 0, kIndexBytes);
    index_->ensure(kFirstEntries * sizeof(Entry));
    Header& head = header();
    put(head.version, kVersion);
    put(head.capacity, spec.capacity.value_or(spec.defaultCapacity));
    put(head.ordering, spec.ordering.value_or(0));
    crashPoint();
    std::memcpy(head.name, spec.name.data(), std::min<size_t>(spec.name.size(), kMaxName));
    put(head.nameLength, static_cast<uint32_t>(spec.name.size()));
    uint64_t id = 0;
    (void)!::getrandom(&id, sizeof id, 0);
    put(head.id, id);
    put(head.assumed, (spec.capacity ? 0u : 1u) | (spec.ordering ? 0u : 2u));
    put(head.participants, 1u);
    // As if participant 0 had done nothing, in turn 0, just before the first place of the index.
    Turn& turn = participant(0).turns[0];
    put(turn.extent, uint64_t{kFirstEntries} << 32);
    put(turn.cursor, uint64_t{kFirstEntries - 1});
    put(turn.settings, uint64_t{spec.ordering.value_or(0)} << 32 | spec.capacity.value_or(spec.defaultCapacity));
    publish(head.magic, kMagic);
  } catch (...) {
    box_.reset();
    index_.reset();
    removeFiles();
    throw;
  }
}

void Mailbox::removeFiles() {
  // The box last: as long as it is there, somebody will come and do this again.
  crashPoint();
  ::unlink((path_ + ".index").c_str());
  crashPoint();
  // Where the box cannot tell how many lanes there are, all that there may be.
  const bool tells = box_ != nullptr && box_->holds(kHeaderBytes) && load(header().retired) != 0;
  const uint32_t lanes = tells ? std::min(load(header().participants), kMaxParticipants) : kMaxParticipants;
  for (uint32_t number = 0; number < lanes; number++) ::unlink(lanePath(number).c_str());
  crashPoint();
  ::unlink((path_ + ".box").c_str());
}

std::string Mailbox::lanePath(uint32_t lane) const { return path_ + "." + std::to_string(lane); }

void Mailbox::join(const Spec& spec) {
  freePlaces();
  uint32_t number = 0;
  const uint32_t participants = load(header().participants);
  while (number < participants && load(participant(number).identity) != 0) number++;
  if (number >= kMaxParticipants)
    throw Fault{Fault::Kind::limit, EMFILE, "it has " + std::to_string(kMaxParticipants) + " participants, the most there may be"};
  box_->ensure(kHeaderBytes + (uint64_t{number} + 1) * sizeof(Participant));
  // Before the lane: who removes the mailbox removes as many.
  if (number >= participants) publish(header().participants, number + 1);
  me_ = number;
  own_ = &participant(number);
  ::unlink(lanePath(number).c_str());
  outbox_ = std::make_unique<Lane>(lanePath(number));
  crashPoint();
  outbox_->create();
  // Its turns and its tally go on where its predecessor's ended.
  put(own().sync, 0u);
  put(own().tag, spec.tag);
  put(own().laneBytes, uint64_t{0});
  put(own().joins, load(own().joins) + 1);
  crashPoint();
  std::memcpy(own().name, spec.process.data(), std::min<size_t>(spec.process.size(), kMaxName));
  put(own().nameLength, static_cast<uint32_t>(std::min<size_t>(spec.process.size(), kMaxName)));
  publish(own().identity, members_.self());
  sweep();
}

/**
 * Who first names a capacity or an ordering settles it. An ordering, and whether there is a buffer at all, only as long as there has
 * been no message; the size of the buffer also later: those who came first and named none did not mean the default.
 */
void Mailbox::settle(std::optional<uint32_t> named, std::optional<uint32_t> sorted) {
  const uint32_t assumed = load(header().assumed);
  const bool capacity = (assumed & 1) != 0 && named.has_value();
  const bool ordering = (assumed & 2) != 0 && sorted.has_value();
  if (!capacity && !ordering) return;
  const auto open = [&](const View& view) {
    return view.sequence == 0 || (!ordering && *named != 0 && static_cast<uint32_t>(view.settings) != 0);
  };
  for (View view = look(); open(view); view = look()) {
    Change change(view);
    const uint32_t sort = ordering ? *sorted : static_cast<uint32_t>(view.settings >> 32);
    change.settings = uint64_t{sort} << 32 | (capacity ? *named : static_cast<uint32_t>(view.settings));
    if (!commit(view, change)) continue;
    put(header().capacity, static_cast<uint32_t>(change.settings));
    put(header().ordering, sort);
    wakeAll(header().idleReceivers);
    wakeAll(header().idleSenders);
    if (view.sequence != 0) promote();
    break;
  }
  put(header().assumed, assumed & ~((capacity ? 1u : 0u) | (ordering ? 2u : 0u)));
}

bool Mailbox::poisoned() const { return load(header().poisoned) != 0; }

void Mailbox::poison() {
  put(header().poisoned, 1u);
  try {
    wakeAll(header().idleReceivers);
    wakeAll(header().idleSenders);
  } catch (const Fault&) {
    // The damage may be in what says whom to wake; they find out at their next look.
  }
}

uint64_t Mailbox::identityOf(uint32_t lane) { return load(participant(lane).identity); }

std::string Mailbox::nameOf(uint32_t lane, uint64_t& identity) {
  const Participant& sender = participant(lane);
  identity = load(sender.identity);
  return {sender.name, std::min(load(sender.nameLength), kMaxName)};
}

Lane& Mailbox::lane(uint32_t number) {
  if (number == me_) return *outbox_;
  const uint64_t joins = load(participant(number).joins);
  if (lanes_.size() <= number) lanes_.resize(number + 1);
  KnownLane& known = lanes_[number];
  if (known.joins != joins || known.lane == nullptr) known = {joins, std::make_unique<Lane>(lanePath(number))};
  return *known.lane;
}

template <class Visit>
void Mailbox::eachEntry(Visit&& visit) {
  const uint32_t limit = look().limit;
  for (uint32_t slot = 0; slot < limit; slot++) {
    const uint64_t word = load(entries()[slot].state);
    if (Place::of(word).state != State::empty) visit(slot, word);
  }
}

uint32_t Mailbox::live() {
  uint32_t count = 0;
  eachEntry([&](uint32_t, uint64_t word) {
    const State state = Place::of(word).state;
    if (state == State::full || state == State::claimed || state == State::waiting) count++;
  });
  return count;
}

uint64_t Mailbox::laneBytes() {
  if (outgoing_.size() > 0) reclaim(outgoing_.size());
  return outbox_->bytes();
}

// ---- the dead -----------------------------------------------------------------------------------------------------

/** Behind the door: or a place that was given to a new participant could be swept for its predecessor. */
void Mailbox::sweep() {
  members_.prune();
  const uint32_t participants = participantsEver();
  // Else it would be swept as dead, and its place given away.
  if (!left_ && load(own().identity) != members_.self()) corrupt("this participant's identity");
  for (uint32_t number = 0; number < participants; number++) {
    const uint64_t identity = load(participant(number).identity);
    if ((identity & kPresent) != 0 && !members_.alive(identity)) retire(number);
  }
  freePlaces();
}

void Mailbox::retire(uint32_t number) {
  Participant& dead = participant(number);
  look();
  const uint64_t tally = load(dead.tally);
  if (const uint32_t taking = static_cast<uint32_t>(tally); taking != 0) {
    const Place place = Place::of(load(entry(taking - 1, "a tally").state));
    const bool stillThere = place.state == State::claimed && place.claimant == number;
    swap(dead.tally, tally, ((tally >> 32) + (stillThere ? 0 : 1)) << 32);
  }
  giveUpAllOf(number);
  const uint64_t bit = uint64_t{1} << (number % 64);
  clearBits(header().idleReceivers[number / 64], bit);
  clearBits(header().idleSenders[number / 64], bit);
  // After the entries, and again by the next to sweep if we die before: others build their view of the index anew.
  countReturn();
  publish(dead.identity, load(dead.identity) & ~kPresent);
  if (own_ != nullptr) promote();
  wakeAll(header().idleReceivers);
  wakeAll(header().idleSenders);
}

/** Its sender was told that a receiver has it, so it must not be lost: it lies in the mailbox for the next. */
void Mailbox::returnGiven(uint32_t slot, uint64_t word) {
  const Place place = Place::of(word);
  std::byte* at = lane(place.lane).at(place.unit, sizeof(Record));
  if (at == nullptr) corrupt("where a message lies");
  Record record;
  std::memcpy(&record, at, sizeof record);
  Entry& entry = entries()[slot];
  put(entry.label, Label{static_cast<uint32_t>(load(entry.ticket)), record.priority & 31, record.type & 0x7fff'ffff}.word());
  Place back = place.with(State::full);
  back.claimant = 0;
  swap(entry.state, word, back.word());
}

/** What it had claimed or was given lies in the mailbox again; what it sent and wanted in vain is withdrawn. */
bool Mailbox::giveUpAllOf(uint32_t number) {
  bool back = false;
  eachEntry([&](uint32_t slot, uint64_t) {
    // Until it is none of its: a sender may meet a want between our look and our swap.
    while (giveUp(slot, number, back)) {}
  });
  return back;
}

bool Mailbox::giveUp(uint32_t slot, uint32_t number, bool& back) {
  const View view = look();
  Word& state = entries()[slot].state;
  const uint64_t word = load(state);
  const Place place = Place::of(word);
  const bool sent = place.lane == number;
  if (place.state == State::claimed && place.claimant == number) {
    Place free = place.with(capacity_ == 0 ? State::waiting : State::full);
    free.claimant = 0;
    swap(state, word, free.word());
    back = true;
  } else if (place.state == State::given && place.claimant == number) {
    returnGiven(slot, word);
    back = true;
  } else if (sent && (place.state == State::want || (place.state == State::waiting && capacity_ == 0))) {
    swap(state, word, place.emptied().word());
  } else if (sent && place.state == State::waiting) {
    withdraw(view, slot, word);
  } else {
    return false;
  }
  return true;
}

/** The places of those who left, once nothing of theirs is in the mailbox. */
void Mailbox::freePlaces() {
  const uint32_t participants = std::min(load(header().participants), kMaxParticipants);
  std::vector<bool> used(participants, false);
  bool any = false;
  for (uint32_t number = 0; number < participants; number++) {
    const uint64_t identity = load(participant(number).identity);
    any = any || (identity != 0 && (identity & kPresent) == 0);
  }
  if (!any) return;
  eachEntry([&](uint32_t, uint64_t word) {
    const Place place = Place::of(word);
    if (place.lane < participants) used[place.lane] = true;
    if (place.claimant < participants && (place.state == State::claimed || place.state == State::given)) used[place.claimant] = true;
  });
  for (uint32_t number = 0; number < participants; number++) {
    Participant& left = participant(number);
    const uint64_t identity = load(left.identity);
    if (identity == 0 || (identity & kPresent) != 0 || used[number]) continue;
    ::unlink(lanePath(number).c_str());
    put(left.laneBytes, uint64_t{0});
    publish(left.identity, uint64_t{0});
  }
}

std::string Mailbox::name() { return {header().name, std::min(load(header().nameLength), kMaxName)}; }

void Mailbox::leave(bool discard) {
  if (left_) return;
  left_ = true;
  // Somebody has removed it, and perhaps another mailbox has its name by now.
  if (!box_->named()) return;
  if (load(header().poisoned) != 0) {
    removeFiles();
    return;
  }
  claims_.insert(claims_.end(), held_.begin(), held_.end());
  held_.clear();
  while (!claims_.empty()) giveBack();
  awake();
  if (giveUpAllOf(me_)) {
    countReturn();
    wakeReceivers();
  }
  publish(own().identity, own().identity.load() & ~kPresent);
  sweep();
  bool alone = true;
  for (uint32_t number = 0; number < load(header().participants); number++)
    alone = alone && (load(participant(number).identity) & kPresent) == 0;
  if (!alone || (!discard && live() > 0)) return;
  publish(header().retired, 1u);
  removeFiles();
}

}  // namespace pigeonhole::shm
