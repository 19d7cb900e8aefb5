#include "lane.h"

#include <algorithm>

#include "fault.h"

namespace pigeonhole::shm {

uint32_t Lane::segmentOf(uint64_t offset) {
  uint32_t segment = 0;
  for (uint64_t rest = offset / kSmallest; rest != 0; rest >>= 1) segment++;
  return segment;
}

uint64_t Lane::startOf(uint32_t segment) { return segment == 0 ? 0 : kSmallest << (segment - 1); }

uint64_t Lane::bytesOf(uint32_t segment) { return segment == 0 ? kSmallest : kSmallest << (segment - 1); }

uint32_t Lane::unitsFor(uint64_t bytes) {
  const uint64_t units = (bytes + kUnit - 1) / kUnit;
  if (units <= 8) return static_cast<uint32_t>(std::max<uint64_t>(units, 1));
  uint64_t step = 1;
  while (step * 8 < units) step <<= 1;
  return static_cast<uint32_t>((units + step - 1) / step * step);
}

Mapping& Lane::segment(uint32_t number, Mapping::Open how) {
  auto& mapping = segments_[number];
  if (mapping == nullptr) mapping = Mapping::open(path_, how, startOf(number), bytesOf(number));
  return *mapping;
}

std::byte* Lane::at(uint32_t unit, uint64_t bytes) {
  const uint64_t offset = uint64_t{unit} * kUnit;
  const uint32_t number = segmentOf(offset);
  if (unit == 0 || number >= kSegments) return nullptr;
  const uint64_t start = offset - startOf(number);
  if (bytes > bytesOf(number) - start) return nullptr;
  Mapping& mapping = segment(number, Mapping::Open::existing);
  return mapping.holds(start + bytes) ? mapping.data() + start : nullptr;
}

void Lane::create() { segment(0, Mapping::Open::create); }

Lane::Block Lane::allocate(uint64_t bytes) {
  const uint32_t units = unitsFor(bytes);
  const uint32_t largest = units + units / 2;
  for (auto found = free_.lower_bound(units); found != free_.end() && found->first <= largest; ++found) {
    if (found->second.empty()) continue;
    const uint32_t unit = found->second.back();
    found->second.pop_back();
    return {unit, found->first};
  }
  const uint64_t need = uint64_t{units} * kUnit;
  for (uint32_t number = 0; number < kSegments; number++) {
    // The first unit is not given out, so that 0 can mean none.
    const uint64_t from = std::max<uint64_t>(top_[number], number == 0 ? kUnit : 0);
    if (from + need > bytesOf(number)) continue;
    const uint64_t end = from + need;
    if (end > ensured_[number]) {
      const uint64_t step = std::clamp<uint64_t>(allocated_ / 4, 16 << 10, 4 << 20);
      const uint64_t target = std::min(bytesOf(number), std::max(end, ensured_[number] + step));
      Mapping& mapping = segment(number, Mapping::Open::existing);
      mapping.ensure(target);
      allocated_ += target - ensured_[number];
      ensured_[number] = target;
    }
    top_[number] = end;
    return {static_cast<uint32_t>((startOf(number) + from) / kUnit), units};
  }
  throw Fault{Fault::Kind::noSpace, 0, "one process's messages in one mailbox may take 4 GiB of shared memory"};
}

void Lane::release(Block block) { free_[block.units].push_back(block.unit); }

void Lane::reset() {
  free_.clear();
  top_.fill(0);
  constexpr uint64_t keep = 256 << 10;
  for (uint32_t number = 0; number < kSegments; number++) {
    const uint64_t kept = number == 0 ? keep : 0;
    if (ensured_[number] <= kept || segments_[number] == nullptr) continue;
    segments_[number]->punch(kept, ensured_[number]);
    allocated_ -= ensured_[number] - kept;
    ensured_[number] = kept;
  }
}

}  // namespace pigeonhole::shm
