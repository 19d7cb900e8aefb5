#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layout.h"
#include "mapping.h"
#include "reserve.h"

namespace pigeonhole::shm {

/**
 * The processes (and worker threads) that use a namespace's shared memory: which of them live, and their bells.
 *
 * Each holds an open-file-description lock (fcntl(2), F_OFD_SETLK) on a byte of the file `members` as long as it lives;
 * the kernel drops it at death, and only then. A member number is used again with a higher incarnation.
 */
class Members {
 public:
  /** Joins in directory `path`, made if it is not there. Throws `Fault`. May wait for the door for `doorMs`. */
  Members(std::string path, int doorMs);
  ~Members();
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  const std::string& path() const { return path_; }
  /** | member:16 | incarnation:47 | 1 |, as in `Participant::identity`. */
  uint64_t self() const { return self_; }
  bool alive(uint64_t identity) const;
  std::string bellOf(uint32_t member) const;
  std::string bell() const { return bellOf(static_cast<uint32_t>(self_ >> 48)); }
  /** Wakes the event loop of a member, telling it which mailbox. False if nobody listens. */
  bool ring(uint64_t identity, uint32_t tag);

  /** Closes the bells of those who have left. */
  void prune();

  // A select waits in several mailboxes of which one may meet it. Who wants to meet it, itself included, first has to
  // take its token. One select of a member at a time can have one: | number:63 | taken:1 |.
  uint64_t newToken();
  bool takeToken(uint64_t identity, uint64_t token);
  void releaseToken(uint64_t identity, uint64_t token);

  /** Opening, closing and removing mailboxes happens behind one door. False if it stayed shut for `ms`. */
  bool enter(int ms);
  void exit();
  /** Leaves; removes the directory if nobody and nothing is left in it. */
  void leave();

 private:
  static constexpr uint32_t kMembers = 1024;
  static constexpr uint64_t kDoor = 1 << 20;
  void openFile();
  bool lock(uint64_t byte) const;
  bool isLocked(uint64_t byte) const;
  void unlock(uint64_t byte) const;
  void takeNumber();
  Word& incarnation(uint32_t member) const;
  Word& token(uint64_t identity) const;

  std::string path_;
  std::optional<Reserve> reserve_{std::in_place};
  int fd_ = -1;
  std::shared_ptr<Mapping> words_;
  uint64_t self_ = 0;
  bool inside_ = false;
  struct Bell {
    uint64_t identity;
    int fd;
  };
  std::vector<Bell> bells_;
};

}  // namespace pigeonhole::shm
