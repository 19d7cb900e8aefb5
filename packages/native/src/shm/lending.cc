// Bodies that are written and read where they lie: memory lent to a sender, and claims that last while a message is read.

#include <algorithm>
#include <cstring>

#include "checksum.h"
#include "fault.h"
#include "mailbox.h"
#include "shared.h"

namespace pigeonhole::shm {

Mailbox::Loan Mailbox::lend(uint32_t length) {
  look();
  const Lane::Block block = reserve(length);
  loans_++;
  return {block, length, bodyAt(block, length), outbox_->mapping(block.unit)};
}

Mailbox::Sent Mailbox::send(const Message& message, const Loan& loan, bool mayWait, Handle& handle) {
  look();
  // Its owner wrote the body at leisure; to read it once more, here and at the receiver, would cost as much as a copy.
  write(message, loan.block, loan.length, kBodyUnchecked, nullptr);
  const Sent sent = post(message, loan.block, loan.length, mayWait, handle);
  if (sent != Sent::refused) loans_--;
  return sent;
}

void Mailbox::giveBack(const Loan& loan) {
  drop(loan.block, loan.length);
  loans_--;
}

Mailbox::Handle Mailbox::hold() {
  const Claimed claimed = claims_.back();
  claims_.pop_back();
  held_.push_back(claimed);
  return claimHandle(claimed);
}

void Mailbox::takeHeld(Handle handle) {
  const auto found = std::find_if(held_.begin(), held_.end(), [&](const Claimed& each) { return claimHandle(each) == handle; });
  if (found == held_.end()) return;
  claims_.push_back(*found);
  held_.erase(found);
  take();
}

std::shared_ptr<Mapping> Mailbox::mappingOfClaimed() {
  const Place place = Place::of(claims_.back().state);
  return lane(place.lane).mapping(place.unit);
}

Mailbox::Handle Mailbox::claimHandle(const Claimed& claimed) { return uint64_t{Place::of(claimed.state).lap} << 32 | claimed.slot; }

}  // namespace pigeonhole::shm
