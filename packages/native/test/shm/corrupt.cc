// Damages the files of a mailbox while it is in use and before it is opened, one damage a trial, and goes on using it:
// every call must end, with a result or a Fault, every message received must be whole, and no memory be touched that
// is not the mailbox's (compiled with AddressSanitizer).
//
//   corrupt DIRECTORY FLIPS SEED EVERY     of the hostile values of fields each EVERY-th; exits with 0 if it did; a trial that does not end is ended by SIGALRM
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <random>

#include "party.h"

using namespace pigeonhole::shm;

namespace {

struct Damage {
  const char* file;
  uint64_t offset;
  /** Of `offset`'s byte to flip, or -1: the bytes there become `value`. */
  int bit;
  uint64_t value;
  uint32_t bytes;
};

struct Now {
  long trial;
  Damage damage;
};

std::string directory;
Now* now;
uint64_t counts[3];  // unharmed, corrupt, another Fault
bool corrupted;
bool failed;

const uint32_t capacities[] = {4, 0, kUnbounded};

void damage(const Damage& what) {
  const int fd = ::open((directory + "/trial" + what.file).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  struct stat facts {};
  ::fstat(fd, &facts);
  if (what.offset + 8 <= static_cast<uint64_t>(facts.st_size)) {
    uint64_t value = what.value;
    uint32_t bytes = what.bytes;
    if (what.bit >= 0) {
      bytes = 1;
      (void)!::pread(fd, &value, 1, static_cast<off_t>(what.offset));
      value ^= uint64_t{1} << what.bit;
    }
    (void)!::pwrite(fd, &value, bytes, static_cast<off_t>(what.offset));
  }
  ::close(fd);
}

/** Whether it went well; after corruption the mailbox is poisoned, as its user does. */
template <class Call>
bool attempt(Party* party, Call&& call) {
  try {
    call();
    return true;
  } catch (const Fault& fault) {
    if (fault.kind != Fault::Kind::corrupt) {
      counts[2]++;
      return false;
    }
    corrupted = true;
    if (party != nullptr && party->mailbox != nullptr) party->mailbox->poison();
    return false;
  }
}

void use(Party& party, uint32_t capacity, uint64_t id) {
  Mailbox::Handle handle = 0;
  const auto body = bodyOf(id, 16 + static_cast<uint32_t>(id * 37 % 300));
  attempt(&party, [&] {
    const auto sent = party->send({0, 3, 0, 1.5}, body.data(), static_cast<uint32_t>(body.size()), true, handle);
    if (sent == Mailbox::Sent::waits && id % 2 == 0) party->withdrawSend(handle);
  });
  Mailbox::Received message{};
  attempt(&party, [&] {
    bool got;
    if (capacity == 0) got = party->want(nullptr, 0, message, handle) == Mailbox::Wanted::claimed || (id % 3 == 0 && !party->withdrawWant(handle, message));
    else got = party->claim(nullptr, message);
    if (!got) return;
    if (idOf(message) == 0) failed = true;
    if (id % 5 == 0) party->giveBack();
    else party->take();
  });
  attempt(&party, [&] { party->live(); });
  if (id % 4 == 0) attempt(&party, [&] { party.sweep(); });
  party.members.exit();
}

void removeAll() {
  const std::string path = directory + "/trial";
  for (const char* end : {".box", ".index", ".0", ".1", ".2", ".3"}) ::unlink((path + end).c_str());
}

void trial(uint32_t capacity, const Damage& what) {
  ::alarm(20);
  corrupted = false;
  const uint64_t others = counts[2];
  now->damage = what;
  now->trial++;
  {
    Party first(directory, capacity);
    Party second(directory, capacity);
    for (uint64_t id = 1; id <= 3; id++) use(id % 2 == 0 ? first : second, capacity, id + 5);
    damage(what);
    for (uint64_t id = 1; id <= 4; id++) use(id % 2 == 0 ? first : second, capacity, id + 10);
    damage(what);
    std::unique_ptr<Party> third;
    if (attempt(nullptr, [&] { third = std::make_unique<Party>(directory, capacity); })) use(*third, capacity, 20);
    for (uint64_t id = 1; id <= 4; id++) use(id % 2 == 0 ? first : second, capacity, id + 30);
    for (Party* party : {&first, &second, third.get()}) {
      if (party == nullptr) continue;
      attempt(party, [&] { if (party->members.enter(10'000)) party->mailbox->leave(); });
      party->members.exit();
    }
    removeAll();
    for (Party* party : {&first, &second, third.get()})
      if (party != nullptr) party->members.leave();
  }
  if (corrupted) counts[1]++;
  else if (counts[2] == others) counts[0]++;
  if (failed) std::abort();
}

void hostileFields(long every) {
  const uint64_t values[] = {0, 1, 2, 7, 255, 256, 500, 501, 65535, 0x7fff'ffff, 0xffff'ffff, ~uint64_t{0}, uint64_t{1} << 63, 0x0102'0304'0506'0708};
  std::vector<uint64_t> offsets;
  for (uint64_t at = 0; at < sizeof(Header); at += 4)
    if (at < 40 || at >= offsetof(Header, ledger)) offsets.push_back(at);
  for (uint64_t at = 0; at < 2 * sizeof(Participant); at += 4) offsets.push_back(kHeaderBytes + at);
  size_t count = 0;
  long turn = 0;
  const auto hurt = [&](const char* file, uint64_t at, uint64_t value, uint32_t bytes) {
    if (turn++ % every == 0) trial(capacities[count++ % 3], {file, at, -1, value, bytes});
  };
  // Padding has nothing to hurt; of the rest each place with each value, the capacities taking turns.
  for (const uint64_t at : offsets) {
    for (const uint64_t value : values) hurt(".box", at, value, at % 8 == 0 && count % 2 == 0 ? 8 : 4);
  }
  for (uint64_t at = 0; at < 8 * sizeof(Entry); at += 8)
    for (const uint64_t value : values) hurt(".index", at, value, 8);
}

void flips(long most, unsigned seed) {
  std::mt19937 random(seed);
  for (long count = 0; count < most; count++) {
    Damage what{".box", 0, static_cast<int>(random() % 8), 0, 0};
    switch (random() % 6) {
      case 0: what.offset = random() % sizeof(Header); break;
      case 1: what.offset = offsetof(Header, ledger) + random() % (sizeof(Header) - offsetof(Header, ledger)); break;
      case 2: what.offset = kHeaderBytes + random() % (3 * sizeof(Participant)); break;
      case 3: what.file = ".index", what.offset = random() % (12 * sizeof(Entry)); break;
      case 4: what.file = ".0", what.offset = random() % 2048; break;
      default: what.file = ".1", what.offset = random() % 2048; break;
    }
    trial(capacities[random() % 3], what);
  }
}

}  // namespace

int main(int count, char** values) {
  if (count != 5) return 2;
  directory = values[1];
  std::signal(SIGPIPE, SIG_IGN);
  now = static_cast<Now*>(::mmap(nullptr, sizeof(Now), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t pid = fork();
  if (pid == 0) {
    hostileFields(std::atol(values[4]));
    flips(std::atol(values[2]), static_cast<unsigned>(std::atol(values[3])));
    std::printf("trials %ld unharmed %lu corrupt %lu other %lu\n", now->trial, counts[0], counts[1], counts[2]);
    return 0;
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (status == 0) return 0;
  const Damage& what = now->damage;
  std::printf("trial %ld: status %d, %s at %lu, bit %d or %u bytes of %lx\n", now->trial, status, now->damage.file, what.offset, what.bit, what.bytes, what.value);
  return 1;
}
