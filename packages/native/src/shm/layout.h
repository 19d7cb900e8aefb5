#pragma once

// The shared-memory layout of a mailbox: every offset, width and state there is. docs/protocol.md draws it; a test holds
// packages/transport-shm/test/layout.test.ts to it. All numbers are little-endian and naturally aligned.
//
//   <hash>.box      header (4 KiB) | participants (328 B each)
//   <hash>.index    entries (24 B each)
//   <hash>.<n>      lane of participant n: records, in units of 64 B
//
// Files only grow; what is mapped never moves, so nothing that points into one goes stale.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace pigeonhole::shm {

using Word = std::atomic<uint64_t>;
using HalfWord = std::atomic<uint32_t>;
static_assert(Word::is_always_lock_free && sizeof(Word) == 8, "a word of shared memory is a plain 64-bit atomic");
static_assert(HalfWord::is_always_lock_free && sizeof(HalfWord) == 4, "a futex is a plain 32-bit atomic");

inline constexpr uint64_t kMagic = 0x31'65'6c'6f'68'67'69'70;  // "pighole1"
inline constexpr uint32_t kVersion = 3;
inline constexpr uint32_t kUnbounded = 0xffff'ffff;
/** Longest mailbox or process name: 128 characters (R1) and the '@' of an inbox. */
inline constexpr uint32_t kMaxName = 129;
inline constexpr uint32_t kMaxParticipants = 500;
inline constexpr uint32_t kUnit = 64;
inline constexpr uint64_t kMaxLaneBytes = uint64_t{1} << 32;
inline constexpr uint32_t kMaxEntries = 1u << 24;
inline constexpr uint32_t kFirstEntries = 256;
/** Every access to a record is checked against this; core's own limit (`maxMessageBytes`) is smaller or equal. */
inline constexpr uint32_t kMaxBody = 1u << 30;

// ---- entry: two words -------------------------------------------------------------------------------------------------
//
//   state word   | lap:17 | unit:26 | claimant:9 | lane:9 | state:3 |     (state in the low bits)
//   label word   | ticket:28 (its low bits) | priority:5 | type:31 |
//   ticket word  the place in the order of acceptance
//
// `lap` grows each time the place is emptied, so a state word does not come back within 2^17 uses of its place.

enum class State : uint32_t {
  empty = 0,
  /** A send that waits: not accepted. At capacity 0 a receiver may claim it. */
  waiting = 1,
  /** Accepted, not claimed. */
  full = 2,
  /** `claimant` reads it; back to `full` (capacity 0: `waiting`) if it dies. */
  claimed = 3,
  /** Capacity 0: a receive that waits. `lane` is the receiver, `unit` its selector's record or 0. */
  want = 4,
  /** Capacity 0: a want that a sender has met. `lane` is the sender, `claimant` the receiver. */
  given = 5,
};

struct Place {
  State state;
  uint32_t lane;
  uint32_t claimant;
  uint32_t unit;
  uint32_t lap;

  static constexpr Place of(uint64_t word) {
    return {static_cast<State>(word & 7), static_cast<uint32_t>(word >> 3 & 0x1ff),
            static_cast<uint32_t>(word >> 12 & 0x1ff), static_cast<uint32_t>(word >> 21 & 0x3ff'ffff),
            static_cast<uint32_t>(word >> 47 & 0x1'ffff)};
  }
  constexpr uint64_t word() const {
    return static_cast<uint64_t>(state) | uint64_t{lane} << 3 | uint64_t{claimant} << 12 | uint64_t{unit} << 21 |
           uint64_t{lap & 0x1'ffff} << 47;
  }
  constexpr Place with(State next) const { return {next, lane, claimant, unit, lap}; }
  constexpr Place claimedBy(uint32_t who) const { return {State::claimed, lane, who, unit, lap}; }
  constexpr Place emptied() const { return {State::empty, 0, 0, 0, lap + 1}; }
  /** Both speak of one message (or one want), in whatever state. */
  static constexpr bool same(uint64_t a, uint64_t b) { return a >> 47 == b >> 47; }
};

struct Label {
  uint32_t ticket;
  uint32_t priority;
  uint32_t type;

  static constexpr uint32_t kTicketMask = 0xfff'ffff;
  static constexpr Label of(uint64_t word) {
    return {static_cast<uint32_t>(word >> 36), static_cast<uint32_t>(word >> 31 & 31),
            static_cast<uint32_t>(word & 0x7fff'ffff)};
  }
  constexpr uint64_t word() const {
    return uint64_t{ticket & kTicketMask} << 36 | uint64_t{priority} << 31 | type;
  }
};

struct Entry {
  Word state;
  Word label;
  /** The sequence of the turn that appended it: the order of acceptance. */
  Word ticket;
};
static_assert(sizeof(Entry) == 24);

// ---- ledger -----------------------------------------------------------------------------------------------------------
//
// One word orders every change of what the mailbox has accepted: | sequence:48 | actor:16 |. Who changes it by
// compare-and-swap has first written what the change is: `turns[sequence & 1]` of the actor's participant.

struct Turn {
  /** The entry that changes: its state word from `from` to `to`, and, when a message is appended, its label. */
  Word from;
  Word to;
  Word label;
  /** | slot:32 | what changes, a TurnKind:32 | */
  Word target;
  /** Messages accepted since the mailbox was made. */
  Word accepted;
  /** | entries in use (a power of two):32 | sends that wait:32 | */
  Word extent;
  /** Where the latest message was appended: | times around:32 | slot:32 | */
  Word cursor;
  /** | by priority:32 | capacity:32 |: settled by whoever names them, or by the first message; then a buffer may still be given another size. */
  Word settings;
  /** The sequence it was written for: only to notice corruption. */
  Word sequence;
};
static_assert(sizeof(Turn) == 72);

enum class TurnKind : uint32_t { nothing = 0, append = 1, change = 2 };

// ---- participant ------------------------------------------------------------------------------------------------------

struct Participant {
  Turn turns[2];
  /** | member:16 | member's incarnation:47 | present:1 |; 0: this place was never used or is free again. */
  Word identity;
  /** Received here, by whoever has had this place: | messages:32 | slot + 1 of the one being taken:32 |. */
  Word tally;
  /** Bumped to wake a thread that sleeps on it. */
  HalfWord futex;
  /** Whether the sleeper is a thread (1) or an event loop (0). */
  HalfWord sync;
  /** What its process calls this mailbox; rung with the bell. */
  HalfWord tag;
  HalfWord nameLength;
  /** How often this place was taken: one member may leave the mailbox and come back, with a new lane. */
  Word joins;
  /** Bytes of its lane in use; kept for the limit on all of them. */
  Word laneBytes;
  char name[kMaxName + 7];
};
static_assert(sizeof(Participant) == 328);

// ---- header -----------------------------------------------------------------------------------------------------------

struct Header {
  Word magic;  // written last
  HalfWord version;
  HalfWord capacity;
  HalfWord ordering;  // 1: by priority
  HalfWord nameLength;
  Word id;  // of this incarnation of the mailbox
  HalfWord poisoned;
  HalfWord retired;
  /** Whether capacity (1) and ordering (2) are what nobody has named, only the default. */
  HalfWord assumed;
  HalfWord unused;
  char name[136];
  char pad0[72];
  alignas(128) Word ledger;
  /** Bumped when entries have come back to `full` (`waiting`): whoever keeps a view of the index builds it anew. */
  alignas(128) Word returns;
  /** One past the highest participant ever; one past the highest that ever received. */
  HalfWord participants;
  HalfWord takers;
  /** Not 0 while sends may wait: the sequence of the turn by which one of the latest began to. So who takes a message need not read the ledger. */
  alignas(128) Word waits;
  /** Participants whose thread or loop sleeps until a message comes, by number. */
  alignas(128) Word idleReceivers[8];
  /** Those of them that wait for some messages only. */
  Word choosyReceivers[8];
  /** Participants that sleep until one of their sends is accepted (or met). */
  alignas(128) Word idleSenders[8];
};
static_assert(sizeof(Header) <= 4096);
static_assert(offsetof(Header, ledger) == 256);

inline constexpr uint32_t kHeaderBytes = 4096;

// ---- record -----------------------------------------------------------------------------------------------------------

/** In `Record::codec`: the body was written in place (`Mailbox::lend`), and the checksum is of the header alone. */
inline constexpr uint32_t kBodyUnchecked = 1u << 31;

struct Record {
  uint32_t length;
  uint32_t checksum;
  /** Wall-clock milliseconds, as a double's bits. */
  uint64_t sentAt;
  /** | body unchecked:1 | codec:31 | */
  uint32_t codec;
  uint32_t type;
  uint32_t priority;
  /** Counts the messages of its lane: what was sent first, where the index does not say. */
  uint32_t order;
};
static_assert(sizeof(Record) == 32);

}  // namespace pigeonhole::shm
