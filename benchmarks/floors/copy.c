/*
 * copy BYTES WARMUP DURATION DIRECTORY: writes how many bytes a second memcpy copies in pieces of that size, from memory that was written
 * long ago to memory that was read long ago: both buffers go through 64 MiB. Times are in milliseconds.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SPAN = 64 * 1024 * 1024 };

static uint64_t nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double copy_for(char *to, const char *from, size_t size, uint64_t milliseconds) {
  uint64_t start = nanoseconds(), now = start;
  size_t at = 0, copied = 0;
  while (now - start < milliseconds * 1000000u) {
    memcpy(to + at, from + at, size);
    __asm__ volatile("" ::"r"(to + at) : "memory"); /* keep the copy */
    copied += size;
    at = at + 2 * size <= SPAN ? at + size : 0;
    now = nanoseconds();
  }
  return (double)copied / ((double)(now - start) * 1e-9);
}

int main(int argc, char **argv) {
  size_t size = argc == 5 ? strtoul(argv[1], NULL, 10) : 0;
  char *from = malloc(SPAN), *to = malloc(SPAN);
  if (size < 1 || size > SPAN || !from || !to) return fprintf(stderr, "copy BYTES WARMUP DURATION DIRECTORY\n"), 2;
  memset(from, 1, SPAN);
  memset(to, 2, SPAN);
  copy_for(to, from, size, strtoul(argv[2], NULL, 10));
  printf("%.0f\n", copy_for(to, from, size, strtoul(argv[3], NULL, 10)));
  return 0;
}
