// A thread that blocks sleeps: what others do to the mailbox wakes it once, and not for ever.
//
//   idle DIRECTORY     exits with 0 if the second `block` after each change lasted for as long as it was to
#include <chrono>
#include <cstdio>

#include "party.h"

using namespace pigeonhole::shm;

namespace {

constexpr double kMs = 100;
bool failed;

double blocked(Party& party, bool receiving, bool choosy, Mailbox::Handle handle) {
  const auto start = std::chrono::steady_clock::now();
  party->block(kMs, receiving, choosy, handle);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

void expectSleep(const char* what, Party& party, bool receiving, bool choosy, Mailbox::Handle handle) {
  blocked(party, receiving, choosy, handle);
  const double second = blocked(party, receiving, choosy, handle);
  if (second >= kMs) return;
  failed = true;
  std::printf("%s: did not sleep, but %.3f ms\n", what, second);
}

Mailbox::Sent send(Party& party, Mailbox::Handle& handle) {
  const auto body = bodyOf(1, 16);
  return party->send({0, 3, 0, 1.5}, body.data(), 16, true, handle);
}

void sends(const std::string& directory) {
  Party first(directory, 1);
  Party second(directory, 1);
  Mailbox::Handle handle = 0;
  Mailbox::Handle other = 0;
  send(first, handle);
  if (send(first, handle) != Mailbox::Sent::waits) std::abort();
  if (send(second, other) != Mailbox::Sent::waits) std::abort();
  expectSleep("a send that waits, another behind it", first, false, false, handle);
  Mailbox::Received message{};
  for (int count = 0; count < 3; count++) {
    if (!second->claim(nullptr, message)) std::abort();
    second->take();
  }
  if (blocked(first, false, false, handle) >= kMs) failed = true, std::printf("slept though its send was accepted\n");
  first.leave();
  second.leave();
}

void wants(const std::string& directory) {
  Party first(directory, 0);
  Party second(directory, 0);
  Party third(directory, 0);
  Selector selector;
  selector.types = {9};
  Mailbox::Handle want = 0;
  Mailbox::Handle other = 0;
  Mailbox::Received message{};
  if (first->want(&selector, 0, message, want) == Mailbox::Wanted::claimed) std::abort();
  if (second->want(&selector, 0, message, other) == Mailbox::Wanted::claimed) std::abort();
  expectSleep("a receive that waits, another behind it", first, true, true, want);
  if (send(second, other) != Mailbox::Sent::waits) std::abort();
  Mailbox::Handle unused = 0;
  if (third->want(nullptr, 0, message, unused) != Mailbox::Wanted::claimed) std::abort();
  third->giveBack();
  expectSleep("a receive that waits, a message given back", first, true, true, want);
  third->want(nullptr, 0, message, unused);
  third->take();
  first.leave();
  second.leave();
  third.leave();
}

/** Who frees a place, and who waits for it, are both stopped before they can say so: who looks for a message lets the other in. */
void places(const std::string& directory) {
  Party sender(directory, 1);
  Party choosy(directory, 1);
  Party taker(directory, 1);
  Selector second;
  second.types = {2};
  Mailbox::Received message{};
  Mailbox::Handle handle = 0;
  const auto body = bodyOf(1, 16);
  if (sender->send({0, 1, 0, 1.5}, body.data(), 16, true, handle) != Mailbox::Sent::accepted) std::abort();
  if (sender->send({0, 2, 0, 1.5}, body.data(), 16, true, handle) != Mailbox::Sent::waits) std::abort();
  choosy->sleepReceiving(true);
  if (choosy->claim(&second, message)) std::abort();
  if (choosy->changed()) failed = true, std::printf("something to look for where nothing has changed\n");
  if (!taker->claim(nullptr, message)) std::abort();
  taker->takeOnly();
  if (!choosy->changed()) failed = true, std::printf("a place has come free, and nobody looks\n");
  if (!choosy->claim(&second, message)) failed = true, std::printf("nobody let the next one in\n");
  else choosy->take();
  for (Party* party : {&sender, &choosy, &taker}) party->leave();
}

}  // namespace

int main(int count, char** values) {
  if (count != 2) return 2;
  sends(values[1]);
  wants(values[1]);
  places(values[1]);
  if (!failed) std::printf("slept\n");
  return failed ? 1 : 0;
}
