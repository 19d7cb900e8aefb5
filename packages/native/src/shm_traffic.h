#pragma once

#include <napi.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "shm/fault.h"
#include "shm/mailbox.h"

namespace pigeonhole::shm {

/** Numbers that describe one message in `frames`. */
inline constexpr size_t kFrame = 9;
/** Bodies up to this go through `incoming`: to copy them a second time costs less than a call for each. */
inline constexpr size_t kPassing = 8192;

/** `fault` as JavaScript gets it: with `kind` and `errno`. */
Napi::Error toError(Napi::Env env, const Fault& fault);

/** What is handed to and fro of one mailbox, and the memory for it, which is JavaScript's. */
struct Traffic {
  /** Null when it has been left. */
  std::unique_ptr<Mailbox> mailbox;
  std::vector<std::unique_ptr<Selector>> selectors;
  Mailbox::Received received{};

  uint8_t* incoming = nullptr;
  size_t incomingBytes = 0;
  double* frames = nullptr;
  size_t frameCount = 0;
  const uint8_t* outgoing = nullptr;
  size_t outgoingBytes = 0;
  const uint32_t* lengths = nullptr;
  size_t lengthCount = 0;
  /** Of what is sent: codec, type, priority, sentAt. */
  const double* marks = nullptr;

  Mailbox& open() {
    if (mailbox == nullptr) throw Fault{Fault::Kind::system, EBADF, "it has been left"};
    return *mailbox;
  }
  /** For a body that is put there; longer ones are copied to where they are to stay, at once. */
  size_t roomFrom(size_t used) const { return std::min(incomingBytes - used, kPassing); }
  /** Negative: none. */
  Selector* selectorAt(int64_t number) { return number < 0 ? nullptr : selectors.at(static_cast<size_t>(number)).get(); }
  /** Puts what was received into a frame. */
  void describe(size_t frame);
};

/** The mailboxes of one environment, by number. */
class TrafficTable {
 public:
  uint32_t add(Traffic* traffic);
  void remove(uint32_t number) { mailboxes_[number] = nullptr; }
  Traffic* at(uint32_t number) const { return number < mailboxes_.size() ? mailboxes_[number] : nullptr; }

 private:
  std::vector<Traffic*> mailboxes_;
};

/**
 * Exports what every message calls: plain functions that are told the mailbox's number, and find the rest in memory. A method of a wrapped
 * object costs two to three times as much: `napi_unwrap` looks the object's private property up.
 */
void defineTraffic(Napi::Env env, Napi::Object exports, TrafficTable* table);

}  // namespace pigeonhole::shm
