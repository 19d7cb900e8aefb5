/*
 * ping-pong MECHANISM WARMUP DURATION DIRECTORY: 64 bytes there and back between two processes, again and again.
 *
 * Writes one 32-bit number a round trip to standard output: its nanoseconds, after the warm-up. Times are in milliseconds. The
 * mechanism waits as that mechanism does: spin reads a flag, the others sleep in the kernel.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 64, MOST = 8 * 1024 * 1024, SPINS_BETWEEN_YIELDS = 1 << 20 };

/* One direction. The flag and the bytes lie 128 bytes apart: each has a cache line, and its neighbour, for itself. */
struct cell {
  _Alignas(128) _Atomic uint32_t turn;
  _Alignas(128) char bytes[SIZE];
};

static struct cell *cells; /* [0] there, [1] back */
static int out, in;        /* descriptors of this side */
static mqd_t out_queue, in_queue;
static uint32_t sent, received;

static void check(int failed, const char *what) {
  if (!failed) return;
  perror(what);
  exit(1);
}

static uint64_t nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Shared memory: `mine` is where this side writes. */
static int mine;

static void put_cell(const char *message) {
  memcpy(cells[mine].bytes, message, SIZE);
  atomic_store_explicit(&cells[mine].turn, ++sent, memory_order_release);
}

static void take_cell(char *message) {
  memcpy(message, cells[!mine].bytes, SIZE);
  received++;
}

static void send_spin(const char *message) { put_cell(message); }

static void receive_spin(char *message) {
  for (int spins = 0; atomic_load_explicit(&cells[!mine].turn, memory_order_acquire) == received; spins++) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
    if (spins == SPINS_BETWEEN_YIELDS) spins = 0, usleep(0); /* one core only: let the other side run */
  }
  take_cell(message);
}

static void send_futex(const char *message) {
  put_cell(message);
  syscall(SYS_futex, &cells[mine].turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void receive_futex(char *message) {
  while (atomic_load_explicit(&cells[!mine].turn, memory_order_acquire) == received)
    syscall(SYS_futex, &cells[!mine].turn, FUTEX_WAIT, received, NULL, NULL, 0);
  take_cell(message);
}

/* Descriptors: what comes may come in parts. */
static void send_bytes(const char *message) { check(write(out, message, SIZE) != SIZE, "write"); }

static void receive_bytes(char *message) {
  for (ssize_t got = 0; got < SIZE;) {
    ssize_t part = read(in, message + got, (size_t)(SIZE - got));
    if (part == 0) exit(0);
    check(part < 0, "read");
    got += part;
  }
}

static void send_queue(const char *message) { check(mq_send(out_queue, message, SIZE, 0) != 0, "mq_send"); }

static void receive_queue(char *message) {
  check(mq_receive(in_queue, message, SIZE, NULL) != SIZE, "mq_receive");
}

/* Setting up, before the fork: the two descriptors of each side. */
static int parent_out, parent_in, child_out, child_in;
static mqd_t queues[2];

static void sides(int there[2], int back[2]) {
  parent_out = there[1], child_in = there[0];
  child_out = back[1], parent_in = back[0];
}

static void open_pipe(const char *directory) {
  (void)directory;
  int there[2], back[2];
  check(pipe(there) || pipe(back), "pipe");
  sides(there, back);
}

static void open_fifo(const char *directory) {
  int ends[2][2];
  for (int i = 0; i < 2; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/floor-%d", directory, i);
    check(mkfifo(path, 0600), path);
    ends[i][0] = ends[i][1] = open(path, O_RDWR);
    check(ends[i][0] < 0, path);
    unlink(path);
  }
  sides(ends[0], ends[1]);
}

static void open_queue(const char *directory) {
  (void)directory;
  struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = SIZE};
  for (int i = 0; i < 2; i++) {
    char name[64];
    snprintf(name, sizeof name, "/pigeonhole-floor-%d-%d", getpid(), i);
    queues[i] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    check(queues[i] == (mqd_t)-1, "mq_open");
    mq_unlink(name);
  }
}

static void both(int parent, int child) {
  parent_out = parent_in = parent;
  child_out = child_in = child;
}

static void open_unix(const char *directory) {
  (void)directory;
  int ends[2];
  check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
  both(ends[0], ends[1]);
}

static int bound(int type, struct sockaddr_in *address) {
  socklen_t length = sizeof *address;
  int fd = socket(AF_INET, type, 0);
  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  check(fd < 0 || bind(fd, (struct sockaddr *)address, length), "bind");
  check(getsockname(fd, (struct sockaddr *)address, &length), "getsockname");
  return fd;
}

static void open_tcp(const char *directory) {
  (void)directory;
  struct sockaddr_in address;
  int one = 1, listener = bound(SOCK_STREAM, &address);
  check(listen(listener, 1), "listen");
  int near = socket(AF_INET, SOCK_STREAM, 0);
  check(connect(near, (struct sockaddr *)&address, sizeof address), "connect");
  int far = accept(listener, NULL, NULL);
  check(far < 0, "accept");
  close(listener);
  setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  both(near, far);
}

static void open_udp(const char *directory) {
  (void)directory;
  struct sockaddr_in near, far;
  int a = bound(SOCK_DGRAM, &near), b = bound(SOCK_DGRAM, &far);
  check(connect(a, (struct sockaddr *)&far, sizeof far) || connect(b, (struct sockaddr *)&near, sizeof near), "connect");
  both(a, b);
}

static void open_cells(const char *directory) { (void)directory; }

static const struct mechanism {
  const char *name;
  void (*open)(const char *directory);
  void (*send)(const char *message);
  void (*receive)(char *message);
} mechanisms[] = {
    {"spin", open_cells, send_spin, receive_spin},   {"futex", open_cells, send_futex, receive_futex},
    {"pipe", open_pipe, send_bytes, receive_bytes},  {"fifo", open_fifo, send_bytes, receive_bytes},
    {"mqueue", open_queue, send_queue, receive_queue}, {"unix", open_unix, send_bytes, receive_bytes},
    {"tcp", open_tcp, send_bytes, receive_bytes},    {"udp", open_udp, send_bytes, receive_bytes},
};

static void answer(const struct mechanism *m) {
  char message[SIZE];
  mine = 1;
  out = child_out, in = child_in, out_queue = queues[1], in_queue = queues[0];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) m->receive(message), m->send(message);
}

/* Round trips until the time is over; with a place to note them. */
static size_t ask(const struct mechanism *m, uint64_t milliseconds, uint32_t *times) {
  char question[SIZE], reply[SIZE];
  size_t count = 0;
  uint64_t now = nanoseconds(), end = now + milliseconds * 1000000u;
  while (now < end && count < MOST) {
    memset(question, (int)(count & 0x7f), SIZE);
    m->send(question);
    m->receive(reply);
    check(memcmp(question, reply, SIZE), "the answer is not the question");
    uint64_t then = nanoseconds();
    if (times) times[count] = (uint32_t)(then - now);
    count++;
    now = nanoseconds();
  }
  return count;
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "ping-pong MECHANISM WARMUP DURATION DIRECTORY\n"), 2;
  const struct mechanism *m = NULL;
  for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++)
    if (!strcmp(mechanisms[i].name, argv[1])) m = &mechanisms[i];
  if (!m) return fprintf(stderr, "no mechanism is named %s\n", argv[1]), 2;
  cells = mmap(NULL, 2 * sizeof *cells, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  uint32_t *times = malloc(MOST * sizeof *times);
  check(cells == MAP_FAILED || !times, "memory");
  m->open(argv[4]);
  pid_t child = fork();
  check(child < 0, "fork");
  if (child == 0) answer(m);
  out = parent_out, in = parent_in, out_queue = queues[0], in_queue = queues[1];
  ask(m, strtoul(argv[2], NULL, 10), NULL);
  size_t count = ask(m, strtoul(argv[3], NULL, 10), times);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return fwrite(times, sizeof *times, count, stdout) == count ? 0 : 1;
}
