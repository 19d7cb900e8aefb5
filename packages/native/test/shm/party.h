#pragma once

// One participant in a mailbox named "trial", for the programs that hurt it.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../../src/shm/fault.h"
#include "../../src/shm/mailbox.h"

struct Party {
  pigeonhole::shm::Members members;
  std::unique_ptr<pigeonhole::shm::Mailbox> mailbox;

  Party(const std::string& directory, std::optional<uint32_t> capacity) : members(directory, 10'000) {
    pigeonhole::shm::Spec spec;
    spec.path = directory + "/trial";
    spec.name = "trial";
    spec.capacity = capacity;
    spec.ordering = 0;
    spec.defaultCapacity = 1024;
    spec.maxBytes = uint64_t{1} << 30;
    spec.process = "trial";
    spec.tag = 1;
    if (!members.enter(10'000)) std::abort();
    mailbox = std::make_unique<pigeonhole::shm::Mailbox>(members, spec);
    members.exit();
  }
  pigeonhole::shm::Mailbox* operator->() { return mailbox.get(); }

  void sweep() {
    if (!members.enter(10'000)) std::abort();
    mailbox->sweep();
    members.exit();
  }
  void leave() {
    if (!members.enter(10'000)) std::abort();
    mailbox->leave();
    members.exit();
    mailbox.reset();
    members.leave();
  }
};

/** A message that tells by itself whether it is whole: its id, then bytes that follow from it. */
inline std::vector<std::byte> bodyOf(uint64_t id, uint32_t length) {
  std::vector<std::byte> body(length, static_cast<std::byte>(id * 7 + 1));
  std::memcpy(body.data(), &id, sizeof id);
  return body;
}

/** Its id, or 0 if it is not whole. */
inline uint64_t idOf(const pigeonhole::shm::Mailbox::Received& received) {
  uint64_t id = 0;
  if (received.length < sizeof id) return 0;
  std::memcpy(&id, received.body, sizeof id);
  const auto whole = bodyOf(id, received.length);
  return std::memcmp(whole.data(), received.body, received.length) == 0 ? id : 0;
}
