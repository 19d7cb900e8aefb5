#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "intake.h"
#include "lane.h"
#include "layout.h"
#include "mapping.h"
#include "members.h"
#include "spinning.h"

namespace pigeonhole::shm {

struct Spec {
  /** `<directory>/<hash of the name>`. */
  std::string path;
  std::string name;
  /** Absent: its own, or the default if there is none yet. */
  std::optional<uint32_t> capacity;
  std::optional<uint32_t> ordering;
  uint32_t defaultCapacity;
  uint64_t maxBytes;
  /** This process's name, and what it calls this mailbox when its bell is rung. */
  std::string process;
  uint32_t tag;
};

/**
 * One mailbox in shared memory, as one participant (a thread of a process) has it. Not for several threads at once.
 *
 * Every change of what is accepted is one compare-and-swap of the ledger, made after the change has been written down
 * (`Turn`); whoever comes next completes it first. So a participant that dies or stops at any instruction leaves
 * nothing undone that another would have to wait for. Claims and takings are made on the entry itself.
 * docs/protocol.md tells the whole of it.
 *
 * Any method may throw `Fault`; after `corrupt` the mailbox is poisoned.
 */
class Mailbox {
 public:
  struct Message {
    uint32_t codec;
    uint32_t type;
    uint32_t priority;
    double sentAt;
  };
  struct Received : Message {
    const std::byte* body;
    uint32_t length;
    uint32_t lane;
    uint32_t order;
    /** Of a long body nothing has been checked yet: that is done by who copies it (`copyBody`), or by `checkBody`. */
    bool unchecked;
  };
  enum class Sent { accepted, refused, waits };
  enum class Outcome { pending, accepted, withdrawn };
  /** | lap:32 | slot:32 | of a send or a receive that waits. */
  using Handle = uint64_t;
  static constexpr uint32_t slotOf(Handle handle) { return static_cast<uint32_t>(handle); }
  static constexpr uint32_t lapOf(Handle handle) { return static_cast<uint32_t>(handle >> 32); }
  static constexpr Handle handleOf(uint32_t slot, uint32_t lap) { return uint64_t{lap} << 32 | slot; }

  /** Behind the door of `members`. `fresh` tells whether a spoiled mailbox had to be replaced. */
  Mailbox(Members& members, const Spec& spec);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  uint32_t capacity() { return look(), capacity_; }
  bool byPriority() { return look(), byPriority_; }
  /** Behind the door. */
  void settle(std::optional<uint32_t> capacity, std::optional<uint32_t> ordering);
  /** Ordering, and whether the capacity is 0, will not change any more. */
  bool settled() { return look().sequence != 0; }
  bool replaced() const { return replaced_; }
  bool poisoned() const;
  void poison();

  /** `waits` (never for a `try`): `handle` is then for `sendOutcome` and `withdrawSend`. */
  Sent send(const Message& message, const std::byte* body, uint32_t length, bool mayWait, Handle& handle);
  /** Memory in this participant's lane, to write a body into that is then sent without a copy, or given back. */
  struct Loan {
    Lane::Block block;
    uint32_t length;
    std::byte* body;
    /** What the body lies in: who writes to it keeps this. */
    std::shared_ptr<Mapping> mapping;
  };
  Loan lend(uint32_t length);
  /** As the other `send`; the loan is over unless it was refused, or threw. */
  Sent send(const Message& message, const Loan& loan, bool mayWait, Handle& handle);
  void giveBack(const Loan& loan);
  Outcome sendOutcome(Handle handle);
  /** `pending`: a receiver is reading it just now; ask again. */
  Outcome withdrawSend(Handle handle);

  /** Claims the first message that `selector` (or null) takes. `take` and `giveBack` end the latest claim. */
  bool claim(Selector* selector, Received& received);
  void take();
  /** Copies the body of the latest claim, and checks it if that has not been done. */
  void copyBody(std::byte* to);
  /** For who reads the body of the latest claim where it lies. */
  void checkBody();
  /** `take` of several: once for each, and `givePlaces` when all are taken, whatever happens in between. */
  void takeOnly();
  void givePlaces();
  void giveBack();
  /** Sets the latest claim apart, which then lasts until `takeHeld`, whatever is claimed and taken meanwhile. */
  Handle hold();
  void takeHeld(Handle handle);
  /** What the body of the latest claim lies in. */
  std::shared_ptr<Mapping> mappingOfClaimed();

  /**
   * Capacity 0: waits for a sender to meet, unless there is a message: that is claimed, or, with the `token` of a select, who has to
   * take it before it claims, left.
   */
  enum class Wanted { waits, claimed, available };
  Wanted want(Selector* selector, uint64_t token, Received& received, Handle& handle);
  /** Whether there is a message to claim. */
  bool available(Selector* selector);
  /** Whether the want was met; then `received` is claimed. */
  bool met(Handle handle, Received& received);
  /** Whether it was, by whom, and which of the sender's messages it is; without claiming it. */
  bool peek(Handle handle, uint32_t& lane, uint32_t& order);
  /** The latest claim that has not ended. */
  const Received& claimed() const { return claims_.back().received; }
  /** Of the two latest claims makes the earlier the latest. */
  void swapClaims();
  /** Whether it was withdrawn; if not it was met, and `received` is claimed. */
  bool withdrawWant(Handle handle, Received& received);

  /** From now on whoever changes something for this participant wakes it. To be followed by another look. */
  void sleepReceiving(bool choosy);
  void sleepSending();
  void awake();
  /**
   * Blocks the thread until something may have changed, at most `ms`. `watched`: an entry to watch, or none. `spin`: it may look for a while before it
   * sleeps, which one wait does once.
   */
  void block(double ms, bool receiving, bool choosy, std::optional<Handle> watched, bool spin = true);
  /** Whether a `claim` may find, or do, what the last one has not: without it, it would be in vain. Not for capacity 0. */
  bool changed();
  /** Stays for a few microseconds, until something may have changed since the last look: whether it has. Less than a sleep costs. */
  bool linger();
  /** Whether `block` would look for a while before it sleeps: of late that was of use. */
  bool spins() const { return spinning_.worth(); }
  /** Passes on the chance to receive that a wake-up was for. */
  void wakeReceivers();

  /** Gives free places to the sends that wait; whoever frees one does it, unless it is stopped just then. */
  void promote();

  /** Puts right what the dead left. */
  void sweep();
  /** Name of the process whose lane this is, and what it was when it was read. */
  std::string nameOf(uint32_t lane, uint64_t& identity);
  uint64_t identityOf(uint32_t lane);
  uint32_t live();
  uint64_t laneBytes();
  /** Behind the door. Removes the mailbox if nobody else has it and it is empty, or `discard`: then with what it holds. */
  void leave(bool discard = false);
  std::string name();

 private:
  struct View {
    uint64_t word;
    uint64_t sequence;
    uint64_t accepted;
    uint32_t limit;
    uint32_t waiting;
    uint32_t slot;
    uint32_t around;
    uint64_t settings;
  };
  struct Change {
    TurnKind kind = TurnKind::nothing;
    uint32_t slot = 0;
    uint64_t from = 0;
    uint64_t to = 0;
    uint64_t label = 0;
    uint64_t accepted;
    uint32_t limit;
    uint32_t waiting;
    uint32_t cursor;
    uint32_t around;
    uint64_t settings;
    explicit Change(const View& view)
        : accepted(view.accepted), limit(view.limit), waiting(view.waiting), cursor(view.slot), around(view.around), settings(view.settings) {}
  };
  /** What a turn does to an entry, as it was read. */
  struct Step {
    uint64_t from;
    uint64_t to;
    uint64_t label;
    uint64_t target;
    uint64_t sequence;
  };
  struct Outgoing {
    Lane::Block block;
    uint32_t slot;
    uint32_t lap;
    uint32_t bytes;
  };
  struct Claimed {
    uint32_t slot;
    uint64_t state;
    Received received;
  };

  // mailbox_life.cc: opening, leaving, and what the dead left
  void attach(const Spec& spec);
  void create(const Spec& spec);
  bool usable(const Spec& spec);
  void removeFiles();
  void join(const Spec& spec);
  std::string lanePath(uint32_t lane) const;
  void freePlaces();
  void retire(uint32_t number);
  void returnGiven(uint32_t slot, uint64_t word);
  /** Whether something came back for others to receive. */
  bool giveUpAllOf(uint32_t number);
  bool giveUp(uint32_t slot, uint32_t number, bool& back);
  template <class Visit>
  void eachEntry(Visit&& visit);

  // mailbox.cc: the ledger
  Header& header() const { return *reinterpret_cast<Header*>(box_->data()); }
  Participant& participant(uint32_t number);
  uint32_t participantsEver();
  Participant& own() { return *own_; }
  Entry* entries() const { return reinterpret_cast<Entry*>(index_->data()); }
  Entry& entry(uint32_t slot, const char* what);
  View look();
  void adopt(uint64_t settings);
  void apply(const View& view, const Step& turn);
  bool commit(const View& view, const Change& change);
  uint32_t taken();
  bool hasPlace(const View& view);
  void chooseSlot(const View& view, Change& change);
  bool grow(uint64_t places, bool optional);
  Lane& lane(uint32_t number);

  // sending.cc
  void reclaim(size_t most);
  void drained();
  void allowBytes(uint64_t bytes);
  Lane::Block reserve(uint32_t length);
  std::byte* bodyAt(Lane::Block block, uint32_t length);
  void write(const Message& message, Lane::Block block, uint32_t length, uint32_t marks, const std::byte* body);
  Sent post(const Message& message, Lane::Block block, uint32_t length, bool mayWait, Handle& handle);
  void drop(Lane::Block block, uint32_t length);
  bool withdraw(const View& view, uint32_t slot, uint64_t word);
  void promoteOne(const View& view);

  // lending.cc
  static Handle claimHandle(const Claimed& claimed);

  // receiving.cc
  void refresh(const View& view);
  bool takes(const Selector& selector, uint32_t type, uint32_t lane);
  bool claimSeen(Selector* selector, Received& received);
  bool seen(Selector* selector);
  Intake::Answer judge(const Intake::Ref& ref, const Selector* selector, uint64_t& word);
  void joinTakers();
  void readClaimed(uint32_t slot, uint64_t word, uint32_t type, uint32_t priority, Received& received);
  Record recordOf(const Received& received);
  void countReturn();

  // rendezvous.cc: capacity 0
  bool hasOlderOfOwn(const Place& want);
  void readGiven(uint32_t slot, uint64_t word, Received& received);
  bool meetWant(const View& view, const Message& message, Lane::Block block, uint32_t length);
  bool wantTakes(const Place& want, uint32_t type, uint64_t& token);

  // waking.cc: sleeping and waking
  void sleepUntilChanged(double ms, bool receiving, bool choosy, std::optional<Handle> watched, bool spin);
  bool wake(Word* bits, uint32_t number);
  bool ring(uint32_t number);
  void wakeAll(Word* bits);

  /** About 20 us: longer than an answer of a side that is busy takes, shorter than a sleep and a wake-up. */
  static constexpr int kSpins = 500;
  /** Of `linger`: about 5 us. */
  static constexpr int kLinger = 128;
  /** A lane above this gives its memory back when it was empty so often, and never a quarter full in between. */
  static constexpr uint64_t kKeptLaneBytes = 1 << 20;
  static constexpr uint32_t kSlackDrains = 16;

  Members& members_;
  std::string path_;
  std::shared_ptr<Mapping> box_;
  std::shared_ptr<Mapping> index_;
  Participant* own_ = nullptr;
  uint32_t me_ = 0;
  uint32_t capacity_ = 0;
  bool byPriority_ = false;
  bool replaced_ = false;
  bool left_ = false;
  bool taker_ = false;
  uint64_t maxBytes_ = 0;
  /** The ledger as this participant last saw it, its turn being applied. */
  View latest_{};
  bool known_ = false;
  uint32_t takenBefore_ = 0;
  Intake intake_{false};
  std::unique_ptr<Lane> outbox_;
  std::deque<Outgoing> outgoing_;
  uint64_t liveBytes_ = 0;
  /** The most of them since the lane was empty, and how often it was empty having needed little. */
  uint64_t peakBytes_ = 0;
  uint32_t slackDrains_ = 0;
  uint64_t budget_ = 0;
  struct KnownLane {
    uint64_t joins = 0;
    std::unique_ptr<Lane> lane;
  };
  std::vector<KnownLane> lanes_;
  /** The latest claim last: one may be made while another is being delivered. */
  std::vector<Claimed> claims_;
  /** Claims of messages that are being read where they lie. */
  std::vector<Claimed> held_;
  /** Blocks that are lent and neither sent nor given back. */
  uint32_t loans_ = 0;
  uint64_t settings_ = ~uint64_t{0};
  Spinning spinning_;
  uint32_t written_ = 0;
};

}  // namespace pigeonhole::shm
