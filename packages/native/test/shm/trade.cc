// Senders and receivers, as threads or as processes, trade numbered messages through one mailbox, and every message is
// accounted for: nothing twice, nothing out of its sender's order, and nothing lost but what a killed receiver had.
// Prints what it counted; exits with 0 if all of it is right.
//
//   trade threads|processes SENDERS RECEIVERS CAPACITY MESSAGES [KILLS SEED]
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../../src/shm/fault.h"
#include "../../src/shm/mailbox.h"

using namespace pigeonhole::shm;

namespace {

constexpr uint32_t kMost = 64;

struct Account {
  std::atomic<uint64_t> attempted[kMost];
  std::atomic<uint64_t> accepted[kMost];
  std::atomic<uint64_t> received[kMost];
  std::atomic<uint64_t> last[kMost][kMost];  // by receiver, then sender
  std::atomic<uint64_t> wrong;
  std::atomic<uint64_t> twice;
  /** Behind a later message of its sender. Right only where a message can come back: its receiver was killed while
   * another receiver went on. */
  std::atomic<uint64_t> disorder;
  std::atomic<uint32_t> sending;
  std::atomic<bool> done[kMost];  // by sender: it is not among those `sending` any more
};

Account* account;
std::atomic<uint8_t>* seen;  // by sender, then message
std::string directory;
uint32_t capacity;
uint64_t messages;

Spec spec() {
  Spec spec;
  spec.path = directory + "/trade";
  spec.name = "trade";
  spec.capacity = capacity;
  spec.defaultCapacity = 1024;
  spec.maxBytes = uint64_t{1} << 30;
  spec.process = "p" + std::to_string(getpid());
  spec.tag = 1;
  return spec;
}

struct Party {
  Members members{directory, 10'000};
  std::unique_ptr<Mailbox> mailbox;
  Party() {
    if (!members.enter(10'000)) std::abort();
    mailbox = std::make_unique<Mailbox>(members, spec());
    members.exit();
  }
  ~Party() {
    if (!members.enter(10'000)) std::abort();
    mailbox->leave();
    members.exit();
    mailbox.reset();
    members.leave();
  }
  void sweep() {
    if (!members.enter(0)) return;
    mailbox->sweep();
    members.exit();
  }
};

/** Some are checked when they are claimed, and some by who reads them. */
uint32_t lengthOf(uint64_t message) { return 16 + static_cast<uint32_t>(message % 1200); }

/** Once a sender, though it be killed just then. */
void endSending(uint32_t number) {
  if (!account->done[number].exchange(true)) account->sending--;
}

void sender(uint32_t number) {
  Party party;
  Mailbox& mailbox = *party.mailbox;
  std::vector<uint64_t> body(256);
  for (uint64_t next = account->attempted[number].load() + 1; next <= messages; next++) {
    account->attempted[number] = next;
    const uint32_t length = lengthOf(next);
    std::memset(body.data(), static_cast<int>(next), body.size() * 8);
    body[0] = number;
    body[1] = next;
    Mailbox::Handle handle = 0;
    const auto sent = mailbox.send({0, 0, 0, 1.5}, reinterpret_cast<std::byte*>(body.data()), length, true, handle);
    if (sent == Mailbox::Sent::waits)
      while (mailbox.sendOutcome(handle) == Mailbox::Outcome::pending) {
        mailbox.block(50, false, false, handle);
        if (mailbox.sendOutcome(handle) == Mailbox::Outcome::pending) party.sweep();
      }
    account->accepted[number] = next;
  }
  endSending(number);
}

void receiver(uint32_t number) {
  Party party;
  Mailbox& mailbox = *party.mailbox;
  Mailbox::Received received{};
  Mailbox::Handle want = 0;
  bool wanting = false;
  while (true) {
    bool got;
    if (capacity != 0) got = mailbox.claim(nullptr, received);
    else if (wanting) got = mailbox.met(want, received);
    else got = mailbox.want(nullptr, 0, received, want) == Mailbox::Wanted::claimed, wanting = !got;
    if (!got) {
      if (account->sending == 0) {
        if (!wanting && mailbox.live() == 0) break;
        if (wanting && mailbox.withdrawWant(want, received)) {
          wanting = false;
          if (mailbox.live() == 0) break;
          continue;
        }
        if (!wanting) {
          party.sweep();
          continue;
        }
        got = true;
      } else {
        mailbox.block(50, true, false, wanting ? std::optional(want) : std::nullopt);
        if (capacity != 0) party.sweep();
        continue;
      }
    }
    wanting = false;
    mailbox.checkBody();
    uint64_t words[2];
    std::memcpy(words, received.body, sizeof words);
    const uint32_t from = static_cast<uint32_t>(words[0]);
    if (from >= kMost || words[1] == 0 || words[1] > messages || received.length != lengthOf(words[1])) {
      account->wrong++;
      mailbox.take();
      continue;
    }
    for (uint32_t index = 16; index < received.length; index++)
      if (received.body[index] != static_cast<std::byte>(words[1])) account->wrong++;
    mailbox.take();
    account->received[from]++;
    if (seen[from * (messages + 1) + words[1]].exchange(1) != 0) account->twice++;
    if (words[1] <= account->last[number][from]) account->disorder++;
    account->last[number][from] = words[1];
  }
}

}  // namespace

int main(int count, char** values) {
  if (count < 6) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  const bool threads = std::strcmp(values[1], "threads") == 0;
  const uint32_t senders = static_cast<uint32_t>(std::atoi(values[2]));
  const uint32_t receivers = static_cast<uint32_t>(std::atoi(values[3]));
  capacity = static_cast<uint32_t>(std::atoll(values[4]));
  messages = static_cast<uint64_t>(std::atoll(values[5]));
  const int kills = count > 6 ? std::atoi(values[6]) : 0;
  std::mt19937 random(count > 7 ? static_cast<unsigned>(std::atoi(values[7])) : 1);
  directory = "/dev/shm/pigeonhole-trade-" + std::to_string(getpid());
  account = new (mmap(nullptr, sizeof(Account), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Account;
  seen = static_cast<std::atomic<uint8_t>*>(mmap(nullptr, senders * (messages + 1), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  account->sending = senders;
  const auto run = [](auto what, uint32_t number) {
    try {
      what(number);
    } catch (const Fault& fault) {
      std::fprintf(stderr, "fault: %s\n", fault.message.c_str());
      std::abort();
    }
  };
  uint64_t lostAtMost = 0;
  if (threads) {
    std::vector<std::thread> all;
    for (uint32_t n = 0; n < receivers; n++) all.emplace_back(run, receiver, n);
    for (uint32_t n = 0; n < senders; n++) all.emplace_back(run, sender, n);
    for (auto& thread : all) thread.join();
  } else {
    struct Child { pid_t pid; bool sends; uint32_t number; };
    std::vector<Child> children;
    const auto start = [&](bool sends, uint32_t number) {
      const pid_t pid = fork();
      if (pid == 0) {
        run(sends ? sender : receiver, number);
        _exit(0);
      }
      children.push_back({pid, sends, number});
    };
    for (uint32_t n = 0; n < receivers; n++) start(false, n);
    for (uint32_t n = 0; n < senders; n++) start(true, n);
    for (int kill = 0; kill < kills; kill++) {
      usleep(random() % 20000);
      if (children.empty()) break;
      const size_t index = random() % children.size();
      const Child child = children[index];
      int status = 0;
      if (waitpid(child.pid, &status, WNOHANG) == 0) {
        ::kill(child.pid, SIGKILL);
        waitpid(child.pid, &status, 0);
      }
      children.erase(children.begin() + static_cast<long>(index));
      if (!WIFSIGNALED(status)) { if (WEXITSTATUS(status) != 0) account->wrong++; continue; }
      if (WTERMSIG(status) != SIGKILL) account->wrong += 1000;
      lostAtMost++;
      if (child.sends && account->accepted[child.number] == messages) { endSending(child.number); continue; }
      start(child.sends, child.number);
    }
    for (const Child& child : children) {
      int status = 0;
      waitpid(child.pid, &status, 0);
      if (status != 0) account->wrong += 1'000'000;
    }
    // The last of all may have been killed while it left: the next to come removes what it could not.
    if (lostAtMost > 0) {
      run([](uint32_t) { Party(); }, 0);
    }
  }
  uint64_t attempted = 0, received = 0;
  for (uint32_t n = 0; n < senders; n++) {
    attempted += account->attempted[n];
    received += account->received[n];
  }
  const bool left = access(directory.c_str(), F_OK) == 0;
  std::printf("attempted %lu received %lu twice %lu disorder %lu wrong %lu kills %lu %s\n", attempted, received, account->twice.load(),
              account->disorder.load(), account->wrong.load(), lostAtMost, left ? "LEFT BEHIND" : "clean");
  // A killed receiver may have one message that it did not count; a killed sender one that was accepted or not.
  const bool whole = received <= attempted && received + lostAtMost >= attempted;
  const bool inOrder = account->disorder == 0 || (lostAtMost > 0 && receivers > 1);
  return whole && inOrder && account->twice == 0 && account->wrong == 0 && !left ? 0 : 1;
}
