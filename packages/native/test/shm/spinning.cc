// How often a thread looks before it sleeps, and when it no longer does.
//
//   spinning     exits with 0 if all is as it should be
#include <cstdio>

#include "../../src/shm/spinning.h"

using pigeonhole::shm::Spinning;

namespace {

constexpr int kMost = 100;
bool failed;

/** How many looks it takes until the `after`-th says yes, or it is given up. */
int looks(Spinning& spinning, int after) {
  int count = 0;
  spinning.until([&] { return ++count >= after; }, kMost);
  return count;
}

void expect(const char* what, int found, int due) {
  if (found == due) return;
  failed = true;
  std::printf("%s: %d looks, not %d\n", what, found, due);
}

}  // namespace

int main() {
  constexpr int never = 1 << 30;
  Spinning spinning;
  expect("what is there at once", looks(spinning, 1), 1);
  expect("what comes in time", looks(spinning, 60), 60);
  expect("what does not come", looks(spinning, never), kMost);
  if (spinning.worth()) failed = true, std::printf("worth it after a failure\n");
  expect("after a failure, which leaves one out", looks(spinning, never), 0);
  if (!spinning.worth()) failed = true, std::printf("not worth it though none is left out\n");
  expect("after that, with more patience", looks(spinning, 350), 350);
  expect("after a success", looks(spinning, 350), 350);
  expect("in vain again", looks(spinning, never), 4 * kMost);
  expect("which leaves one out", looks(spinning, never), 0);
  for (const int left : {3, 7, 15, 15}) {
    expect("in vain once more", looks(spinning, never), 4 * kMost);
    for (int count = 0; count < left; count++) expect("one of those left out", looks(spinning, never), 0);
  }
  spinning.good();
  expect("in vain after what was good elsewhere", looks(spinning, never), 4 * kMost);
  expect("which leaves one out again", looks(spinning, never), 0);
  for (int count = 0; count < 16; count++) expect("as soon as it comes", looks(spinning, 10), 10);
  expect("patience ends", looks(spinning, never), kMost);
  if (!failed) std::printf("learnt\n");
  return failed ? 1 : 0;
}
