// What the C library of the compiler has, and an older one or musl has not: so that one binary loads on all of them. Hidden: binds this
// addon and the C++ library in it, nothing else of the process. scripts/libc-floor.mjs is the other half.
#include <features.h>

#if defined(__GLIBC__) && (defined(__x86_64__) || defined(__aarch64__))

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIDDEN __attribute__((visibility("hidden")))

#if __GLIBC_PREREQ(2, 35)
namespace {

struct Search {
  ElfW(Addr) address;
  dl_find_object* found;
};

/** Whether `module` holds the address that is searched for; if so, says where the module's table for exceptions is. */
int Holds(dl_phdr_info* module, size_t, void* data) {
  const auto* search = static_cast<Search*>(data);
  bool holds = false;
  void* table = nullptr;
  for (int i = 0; i < module->dlpi_phnum; i++) {
    const auto& part = module->dlpi_phdr[i];
    const ElfW(Addr) start = module->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD) holds |= search->address - start < part.p_memsz;
    if (part.p_type == PT_GNU_EH_FRAME) table = reinterpret_cast<void*>(start);
  }
  if (holds) search->found->dlfo_eh_frame = table;
  return holds && table != nullptr;
}

}  // namespace
#endif

extern "C" {

// 2.32. Spares std::shared_ptr atomic counts while there is one thread; in Node.js there never is.
extern HIDDEN const char __libc_single_threaded;
const char __libc_single_threaded = 0;

#ifdef __aarch64__
// Old enough, but not in musl. The compiler's atomics for arm64 ask it which instructions the processor has.
HIDDEN unsigned long __getauxval(unsigned long type) noexcept { return getauxval(type); }
#endif

// 2.33; before, these had other names. The kernel's struct stat is the C library's on x64 and arm64.
HIDDEN int fstat(int fd, struct stat* facts) noexcept { return static_cast<int>(syscall(SYS_fstat, fd, facts)); }

HIDDEN int stat(const char* path, struct stat* facts) noexcept {
  return static_cast<int>(syscall(SYS_newfstatat, AT_FDCWD, path, facts, 0));
}

HIDDEN int lstat(const char* path, struct stat* facts) noexcept {
  return static_cast<int>(syscall(SYS_newfstatat, AT_FDCWD, path, facts, AT_SYMLINK_NOFOLLOW));
}

#if __GLIBC_PREREQ(2, 35)
// 2.35. What throws an exception asks it where the table of a function is, and asks nothing else of it.
HIDDEN int _dl_find_object(void* address, dl_find_object* found) noexcept {
  Search search{reinterpret_cast<ElfW(Addr)>(address), found};
  return dl_iterate_phdr(Holds, &search) == 1 ? 0 : -1;
}
#endif
}

#endif
