// Prints how a C library lays out, or numbers, what the addon gives to it: musl must do as glibc does, for one binary to serve both.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define SIZE(type) printf("%s: %zu bytes\n", #type, sizeof(type))
#define AT(type, member) printf("%s.%s at %zu\n", #type, #member, offsetof(type, member))
#define NUMBER(name) printf("%s is %ld\n", #name, (long)(name))

int main(void) {
  SIZE(struct stat), AT(struct stat, st_ino), AT(struct stat, st_mode), AT(struct stat, st_uid), AT(struct stat, st_size);
  SIZE(struct flock), AT(struct flock, l_whence), AT(struct flock, l_start), AT(struct flock, l_len), AT(struct flock, l_pid);
  AT(struct dirent, d_name), AT(struct dirent, d_type);
  SIZE(struct iovec), SIZE(struct msghdr), AT(struct msghdr, msg_iov), AT(struct msghdr, msg_iovlen);
  AT(struct msghdr, msg_control), AT(struct msghdr, msg_controllen), AT(struct msghdr, msg_flags);
  SIZE(struct mmsghdr), AT(struct mmsghdr, msg_len);
  SIZE(struct cmsghdr), AT(struct cmsghdr, cmsg_level), AT(struct cmsghdr, cmsg_type);
  SIZE(struct ucred), SIZE(struct sockaddr_un), SIZE(socklen_t), SIZE(mode_t), SIZE(off_t), SIZE(size_t), SIZE(pid_t);
  SIZE(struct msqid_ds), AT(struct msqid_ds, msg_perm.uid), AT(struct msqid_ds, msg_perm.gid), AT(struct msqid_ds, msg_perm.mode);
  AT(struct msqid_ds, msg_qnum), AT(struct msqid_ds, msg_qbytes);
  SIZE(struct pollfd), SIZE(struct timespec), SIZE(sigset_t), SIZE(struct sigaction), AT(struct sigaction, sa_mask);
  AT(struct sigaction, sa_flags), AT(struct dl_phdr_info, dlpi_phdr), AT(struct dl_phdr_info, dlpi_phnum), SIZE(pthread_t);
  // glibc's may be the larger: it is the addon that makes room.
  NUMBER(sizeof(pthread_mutex_t) >= 40), NUMBER(sizeof(pthread_once_t));
  NUMBER(O_CLOEXEC), NUMBER(O_NONBLOCK), NUMBER(O_NOFOLLOW), NUMBER(O_DIRECTORY), NUMBER(O_CREAT), NUMBER(O_EXCL), NUMBER(F_OFD_SETLK);
  NUMBER(F_OFD_SETLKW), NUMBER(F_SETPIPE_SZ), NUMBER(F_GETPIPE_SZ), NUMBER(MAP_SHARED), NUMBER(MADV_DONTNEED), NUMBER(EFD_CLOEXEC);
  NUMBER(SOCK_CLOEXEC), NUMBER(SOCK_NONBLOCK), NUMBER(SCM_CREDENTIALS), NUMBER(SO_PASSCRED), NUMBER(SO_PEERCRED), NUMBER(SO_RCVBUF);
  NUMBER(MSG_NOSIGNAL), NUMBER(MSG_DONTWAIT), NUMBER(MSG_TRUNC), NUMBER(IPC_RMID), NUMBER(IPC_STAT), NUMBER(IPC_NOWAIT);
  NUMBER(SIGURG), NUMBER(SA_RESTART), NUMBER(SIG_SETMASK), NUMBER(CLOCK_MONOTONIC), NUMBER(POLLRDHUP), NUMBER(GRND_NONBLOCK);
  NUMBER(EAGAIN), NUMBER(ENOBUFS), NUMBER(EIDRM), NUMBER(ENOMSG), NUMBER(E2BIG), NUMBER(EOWNERDEAD), NUMBER(ETIMEDOUT);
  return 0;
}
