// For each operation on a mailbox: a process that is killed before the first, the second, ... of its writes to shared
// memory, until there are no more; after each, what the survivors find. Compiled with PIGEONHOLE_CRASH_AT.
//
//   crash DIRECTORY     prints a line for each operation; exits with 0 if the survivors always found all in order
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "../../src/shm/shared.h"
#include "party.h"

namespace {
long points = 0;
long last = 0;
}  // namespace

namespace pigeonhole::shm {
void crashPoint() {
  if (++points == last) ::kill(::getpid(), SIGKILL);
}
void crashAt(long n) {
  points = 0;
  last = n;
}
long crashPointsPassed() { return points; }
}  // namespace pigeonhole::shm

using namespace pigeonhole::shm;

namespace {

constexpr uint32_t kIds = 2048;
/** Ids of the victim's messages; the survivors' are below, those of the one that died before it above. */
constexpr uint64_t kVictims = 1000;
constexpr uint64_t kDead = 1500;

/** What is known of each message, also of what the victim did before it died. */
struct Account {
  bool attempted[kIds];
  bool accepted[kIds];
  bool withdrawn[kIds];
  bool taking[kIds];
  bool taken[kIds];
  bool finished;
};

Account* account;
std::string directory;
uint32_t capacity;
std::unique_ptr<Party> first;
std::unique_ptr<Party> second;
uint32_t received[kIds];
uint64_t nextId;
bool failed;

void expect(bool condition, const char* scene, long n, const char* what, uint64_t id = 0) {
  if (condition) return;
  failed = true;
  std::printf("%s, killed at write %ld: %s (%lu)\n", scene, n, what, static_cast<unsigned long>(id));
}

Mailbox::Handle post(Party& party, uint64_t id, uint32_t length = 0) {
  const auto body = bodyOf(id, length != 0 ? length : 16 + static_cast<uint32_t>(id * 37 % 300));
  Mailbox::Handle handle = 0;
  account->attempted[id] = true;
  const auto sent = party->send({0, 3, 0, 1.5}, body.data(), static_cast<uint32_t>(body.size()), true, handle);
  if (sent == Mailbox::Sent::accepted) account->accepted[id] = true;
  return handle;
}

void withdraw(Party& party, uint64_t id, Mailbox::Handle handle) {
  const auto outcome = party->withdrawSend(handle);
  if (outcome == Mailbox::Outcome::withdrawn) account->withdrawn[id] = true;
  if (outcome == Mailbox::Outcome::accepted) account->accepted[id] = true;
}

/** The survivors' sends end in the mailbox however long they wait. */
void fill(uint32_t count) {
  for (; count > 0; count--) {
    account->accepted[++nextId] = true;
    post(*first, nextId);
  }
}

bool claim(Party& party, Mailbox::Received& message) {
  if (capacity != 0) return party->claim(nullptr, message);
  Mailbox::Handle want = 0;
  if (party->want(nullptr, 0, message, want) == Mailbox::Wanted::claimed) return true;
  return !party->withdrawWant(want, message);
}

uint32_t drain(Party& party) {
  uint32_t count = 0;
  Mailbox::Received message{};
  for (; claim(party, message); count++) {
    const uint64_t id = idOf(message);
    received[id < kIds ? id : 0]++;
    party->take();
  }
  return count;
}

void takeOne(Party& party, const Mailbox::Received& message) {
  const uint64_t id = idOf(message);
  account->taking[id] = true;
  party->take();
  account->taken[id] = true;
}

// ---- what the victim does -----------------------------------------------------------------------------------------

Mailbox::Handle handle;
Mailbox::Received message;

void nothing(Party&) {}
void sendOne(Party& party) { handle = post(party, kVictims); }
void sendAnother(Party& party) { post(party, kVictims + 1); }
void sendLarge(Party& party) { post(party, kVictims, 300'000), post(party, kVictims + 1, 1'500'000); }
Mailbox::Loan lent;
void lendOne(Party& party) { lent = party->lend(3000); }
void commitLent(Party& party) {
  const auto body = bodyOf(kVictims, lent.length);
  std::memcpy(lent.body, body.data(), body.size());
  account->attempted[kVictims] = true;
  if (party->send({0, 3, 0, 1.5}, lent, true, handle) == Mailbox::Sent::accepted) account->accepted[kVictims] = true;
}
void lendAndCommit(Party& party) { lendOne(party), commitLent(party); }
void lendAndGiveBack(Party& party) { lendOne(party), party->giveBack(lent); }
/** Leaves with a block that was lent, and is neither sent nor given back. */
void leaveLent(Party& party) { sendOne(party), party.leave(); }
Mailbox::Handle held;
void withdrawOne(Party& party) { withdraw(party, kVictims, handle); }
void claimOne(Party& party) { if (!claim(party, message)) std::abort(); }
void takeClaimed(Party& party) { takeOne(party, message); }
void receiveOne(Party& party);
void holdOne(Party& party) { claimOne(party), held = party->hold(); }
/** Another message comes and goes while the first is read. */
void takeAnotherThenHeld(Party& party) {
  const uint64_t id = idOf(message);
  receiveOne(party);
  account->taking[id] = true;
  party->takeHeld(held);
  account->taken[id] = true;
}
void leaveReading(Party& party) { sendAnother(party), party.leave(); }
void receiveOne(Party& party) { claimOne(party), takeClaimed(party); }
void giveBackOne(Party& party) { claimOne(party), party->giveBack(); }
void wantOne(Party& party) { if (party->want(nullptr, 0, message, handle) == Mailbox::Wanted::claimed) std::abort(); }
void withdrawWanted(Party& party) { if (!party->withdrawWant(handle, message)) std::abort(); }
void wantAndWithdraw(Party& party) { wantOne(party), withdrawWanted(party); }
void choosyWant(Party& party) {
  Selector selector;
  selector.types = {3, 4};
  if (party->want(&selector, 0, message, handle) == Mailbox::Wanted::claimed) std::abort();
}
void takeGiven(Party& party) { if (!party->met(handle, message)) std::abort(); takeOne(party, message); }
void giveBackGiven(Party& party) { if (!party->met(handle, message)) std::abort(); party->giveBack(); }
void select(Party& party) {
  const uint64_t token = party.members.newToken();
  if (party->want(nullptr, token, message, handle) == Mailbox::Wanted::claimed) std::abort();
  if (!party.members.takeToken(party.members.self(), token)) std::abort();
  party.members.releaseToken(party.members.self(), token);
  withdrawWanted(party);
}
/** What a select does that finds a send waiting. */
void selectOne(Party& party) {
  const uint64_t token = party.members.newToken();
  if (!party.members.takeToken(party.members.self(), token)) std::abort();
  receiveOne(party);
}
void settleIt(Party& party) {
  if (!party.members.enter(10'000)) std::abort();
  party->settle(capacity, 0);
  party.members.exit();
}
void leaveIt(Party& party) { party.leave(); }
void claimAndLeave(Party& party) { claimOne(party), sendAnother(party), party.leave(); }
void sweepIt(Party& party) { party.sweep(); }
void sleepAndWake(Party& party) { party->sleepReceiving(true), party->sleepSending(), party->awake(); }

// ---- what the survivors do before ---------------------------------------------------------------------------------

void setNothing() {}
void setOne() { fill(1); }
void setTwo() { fill(2); }
void setThree() { fill(3); }
void setFull() { fill(256); }
/** An index of 512 entries, empty, of which the last was used last. */
void setWide() {
  fill(257);
  drain(*second);
  for (int count = 0; count < 255; count++) fill(1), drain(*second);
}
void setSleeper() { fill(1), (*second)->sleepReceiving(false); }
Mailbox::Handle wanted;
void setWant() {
  if ((*second)->want(nullptr, 0, message, wanted) == Mailbox::Wanted::claimed) std::abort();
  (*second)->sleepReceiving(false);
}
void setChoosyWant() {
  Selector selector;
  selector.types = {3};
  if ((*second)->want(&selector, 0, message, wanted) == Mailbox::Wanted::claimed) std::abort();
}
void setSelect() {
  if ((*second)->want(nullptr, second->members.newToken(), message, wanted) == Mailbox::Wanted::claimed) std::abort();
  (*second)->sleepReceiving(true);
}
/** A process that died with a claim, a message of its own in the mailbox and one that waited. */
void setDead() {
  fill(1);
  const pid_t pid = fork();
  if (pid == 0) {
    Party dead(directory, capacity);
    post(dead, kDead);
    post(dead, kDead + 1);
    if (capacity != 0) claimOne(dead);
    else wantOne(dead);
    ::kill(::getpid(), SIGKILL);
  }
  int status;
  waitpid(pid, &status, 0);
}
void betweenSend() { fill(1); }

struct Scene {
  const char* name;
  uint32_t capacity;
  void (*setup)();
  void (*prepare)(Party&);
  void (*between)();
  void (*operation)(Party&);
  /** The opening is what dies. */
  bool opens = false;
  /** No survivor is there yet. */
  bool alone = false;
  /** Nobody has named the capacity when it begins. */
  bool unnamed = false;
};

const Scene scenes[] = {
    {"create", 4, setNothing, nothing, setNothing, nothing, true, true},
    {"create, send and leave", 4, setNothing, nothing, setNothing, [](Party& party) { post(party, kVictims); }, true, true},
    {"leave as the last", 4, setNothing, nothing, setNothing, leaveIt, false, true},
    {"leave as the last, a message in it", 4, setNothing, sendOne, setNothing, leaveIt, false, true},
    {"join", 4, setTwo, nothing, setNothing, nothing, true},
    {"join where one died", 2, setDead, nothing, setNothing, nothing, true},
    {"send", 4, setSleeper, nothing, setNothing, sendOne},
    {"send that waits", 2, setTwo, nothing, setNothing, sendOne},
    {"withdraw", 2, setTwo, sendOne, setNothing, withdrawOne},
    {"claim and take", 4, setThree, nothing, setNothing, receiveOne},
    {"take, one waiting", 2, setThree, claimOne, setNothing, takeClaimed},
    {"take, unbounded", kUnbounded, setTwo, nothing, setNothing, receiveOne},
    {"give back", 4, setTwo, nothing, setNothing, giveBackOne},
    {"lend and commit", 4, setSleeper, nothing, setNothing, lendAndCommit},
    {"lend and give back", 4, setOne, nothing, setNothing, lendAndGiveBack},
    {"commit that waits", 2, setTwo, lendOne, setNothing, commitLent},
    {"commit, capacity 0", 0, setWant, lendOne, setNothing, commitLent},
    {"leave with a loan", 4, setTwo, lendOne, setNothing, leaveLent},
    {"take what was read, and another", 4, setThree, holdOne, setNothing, takeAnotherThenHeld},
    {"take what was read, one waiting", 2, setThree, holdOne, setNothing, takeAnotherThenHeld},
    {"leave while reading", 2, setTwo, holdOne, setNothing, leaveReading},
    {"sleep and wake", 4, setTwo, nothing, setNothing, sleepAndWake},
    {"grow the index", kUnbounded, setFull, nothing, setNothing, sendOne},
    {"shrink the index", kUnbounded, setWide, nothing, setNothing, sendOne},
    {"grow the lane", kUnbounded, setOne, nothing, setNothing, sendLarge},
    {"leave", 4, setTwo, sendOne, setNothing, leaveIt},
    {"leave with a claim and a send that waits", 2, setTwo, nothing, setNothing, claimAndLeave},
    {"sweep", 2, setNothing, nothing, setDead, sweepIt},
    {"sweep, capacity 0", 0, setNothing, nothing, setDead, sweepIt},
    {"send, capacity 0", 0, setNothing, nothing, setNothing, sendOne},
    {"withdraw, capacity 0", 0, setNothing, sendOne, setNothing, withdrawOne},
    {"receive, capacity 0", 0, setOne, nothing, setNothing, receiveOne},
    {"give back, capacity 0", 0, setOne, nothing, setNothing, giveBackOne},
    {"want", 0, setNothing, nothing, setNothing, wantOne},
    {"want of some", 0, setNothing, nothing, setNothing, choosyWant},
    {"want and withdraw", 0, setNothing, nothing, setNothing, wantAndWithdraw},
    {"meet", 0, setWant, nothing, setNothing, sendOne},
    {"meet who wants some", 0, setChoosyWant, nothing, setNothing, sendOne},
    {"select", 0, setNothing, nothing, setNothing, select},
    {"select what waits", 0, setOne, nothing, setNothing, selectOne},
    {"meet a select", 0, setSelect, nothing, setNothing, sendOne},
    {"settle", 3, setNothing, nothing, setNothing, settleIt, false, false, true},
    {"settle, unbounded", kUnbounded, setNothing, nothing, setNothing, settleIt, false, false, true},
    {"settle, capacity 0", 0, setNothing, nothing, setNothing, settleIt, false, false, true},
    {"take what was given", 0, setNothing, wantOne, betweenSend, takeGiven},
    {"give back what was given", 0, setNothing, wantOne, betweenSend, giveBackGiven},
    {"leave with what was given", 0, setNothing, wantOne, betweenSend, leaveIt},
};

[[noreturn]] void victim(const Scene& scene, long n, int go, int ready) {
  try {
    char byte;
    if (::read(go, &byte, 1) != 1) ::_exit(9);
    if (scene.opens) crashAt(n);
    auto* party = new Party(directory, scene.unnamed ? std::nullopt : std::optional(capacity));
    scene.prepare(*party);
    if (::write(ready, "", 1) != 1 || ::read(go, &byte, 1) != 1) ::_exit(9);
    if (!scene.opens) crashAt(n);
    scene.operation(*party);
    account->finished = true;
    ::_exit(0);
  } catch (const Fault& fault) {
    std::printf("fault in the victim: %s\n", fault.message.c_str());
    std::fflush(stdout);
    ::_exit(8);
  }
}

// ---- what the survivors find --------------------------------------------------------------------------------------

void checkMessages(const Scene& scene, long n) {
  expect(received[0] == 0, scene.name, n, "a message that is not whole", received[0]);
  for (uint64_t id = 1; id < kIds; id++) {
    const uint32_t count = received[id];
    if (account->taken[id]) expect(count == 0, scene.name, n, "received once more", id);
    else if (account->taking[id]) expect(count <= 1, scene.name, n, "received twice", id);
    else if (account->accepted[id]) expect(count == 1, scene.name, n, count == 0 ? "lost" : "received twice", id);
    else expect(count == 0 || (count == 1 && account->attempted[id] && !account->withdrawn[id]), scene.name, n, "received wrongly", id);
  }
}

void checkSleepers(const Scene& scene, long n) {
  const int fd = ::open((directory + "/trial.box").c_str(), O_RDONLY | O_CLOEXEC);
  void* data = ::mmap(nullptr, kHeaderBytes, PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  if (data == MAP_FAILED) std::abort();
  const auto& header = *static_cast<const Header*>(data);
  expect(load(header.idleReceivers[0]) == 0, scene.name, n, "a receiver sleeps on");
  expect(load(header.idleSenders[0]) == 0, scene.name, n, "a sender sleeps on");
  ::munmap(data, kHeaderBytes);
}

/** Nothing is in it: it has all its places, and no more. */
void checkPlaces(const Scene& scene, long n) {
  const auto body = bodyOf(1, 16);
  Mailbox::Handle unused = 0;
  const auto attempt = [&](Party& party, bool wait) { return party->send({0, 3, 0, 1.5}, body.data(), 16, wait, unused); };
  if (capacity == 0) {
    Mailbox::Handle want = 0;
    expect(attempt(*first, false) == Mailbox::Sent::refused, scene.name, n, "met nobody");
    expect((*second)->want(nullptr, 0, message, want) != Mailbox::Wanted::claimed, scene.name, n, "a message from nobody");
    expect(attempt(*first, false) == Mailbox::Sent::accepted, scene.name, n, "a want was not met");
    expect((*second)->met(want, message) && idOf(message) == 1, scene.name, n, "the message of a meeting");
    (*second)->take();
  } else {
    const uint32_t places = capacity == kUnbounded ? 300 : capacity;
    for (uint32_t count = 0; count < places; count++)
      expect(attempt(*first, false) == Mailbox::Sent::accepted, scene.name, n, "a place is missing", count);
    if (capacity != kUnbounded) expect(attempt(*first, false) == Mailbox::Sent::refused, scene.name, n, "a place too many");
    expect(drain(*second) == places, scene.name, n, "messages sent afterwards are missing");
  }
  expect((*first)->live() == 0, scene.name, n, "something stays in it", (*first)->live());
}

/** False if the victim came to the end of its operation. */
bool trial(const Scene& scene, long n) {
  *account = Account{};
  nextId = 0;
  std::memset(received, 0, sizeof received);
  capacity = scene.capacity;
  crashAt(0);
  int go[2], ready[2];
  if (::pipe2(go, O_CLOEXEC) != 0 || ::pipe2(ready, O_CLOEXEC) != 0) std::abort();
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    ::close(go[1]);
    ::close(ready[0]);
    victim(scene, n, go[0], ready[1]);
  }
  ::close(go[0]);
  ::close(ready[1]);
  const auto open = [&] {
    const auto named = scene.unnamed ? std::nullopt : std::optional(capacity);
    first = std::make_unique<Party>(directory, named);
    second = std::make_unique<Party>(directory, named);
  };
  if (!scene.alone) open();
  scene.setup();
  char byte;
  (void)!::write(go[1], "", 1);
  if (::read(ready[0], &byte, 1) == 1) {
    scene.between();
    (void)!::write(go[1], "", 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  ::close(go[1]);
  ::close(ready[0]);
  expect((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && WEXITSTATUS(status) == 0), scene.name, n, "the victim failed", static_cast<uint64_t>(status));
  if (scene.alone) open();
  first->sweep();
  if (scene.unnamed) {
    settleIt(*second);
    expect((*first)->capacity() == capacity && (*second)->capacity() == capacity, scene.name, n, "another capacity");
  }
  if (WIFSIGNALED(status)) checkSleepers(scene, n);
  if (scene.capacity == 0 && (scene.setup == setWant || scene.setup == setChoosyWant || scene.setup == setSelect) && !(*second)->withdrawWant(wanted, message)) {
    received[idOf(message) % kIds]++;
    (*second)->take();
  }
  drain(*second);
  checkMessages(scene, n);
  checkPlaces(scene, n);
  first->leave();
  second->leave();
  first.reset();
  second.reset();
  expect(::access(directory.c_str(), F_OK) != 0, scene.name, n, "something is left behind");
  return !account->finished;
}

}  // namespace

int main(int count, char** values) {
  if (count != 2) return 2;
  directory = values[1];
  std::signal(SIGPIPE, SIG_IGN);
  account = static_cast<Account*>(::mmap(nullptr, sizeof(Account), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (account == MAP_FAILED) return 2;
  for (const Scene& scene : scenes) {
    long n = 1;
    try {
      for (; ::alarm(30), trial(scene, n) && !failed; n++) {}
    } catch (const Fault& fault) {
      std::printf("%s, killed at write %ld: fault: %s\n", scene.name, n, fault.message.c_str());
      return 1;
    }
    std::printf("%s: %ld writes\n", scene.name, n - 1);
    if (failed) return 1;
  }
  return 0;
}
